// SPDX-License-Identifier: Apache-2.0
// CRC-32 as in zlib and PNG: reflected polynomial 0xEDB88320, initial and final value inverted.
#ifndef UBP_DELEGATE_FORMAT_CRC32_H_
#define UBP_DELEGATE_FORMAT_CRC32_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// Extends `crc` (0 for the first piece) by `size` bytes at `data`.
uint32_t Crc32(uint32_t crc, const void* data, size_t size);

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_CRC32_H_
