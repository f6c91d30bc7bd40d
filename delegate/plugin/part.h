// One part of a model that the delegate runs, as the single node that replaces the part's nodes.
#ifndef UBP_DELEGATE_PLUGIN_PART_H_
#define UBP_DELEGATE_PLUGIN_PART_H_

#include "tensorflow/lite/core/c/common.h"

namespace ubp {

TfLiteRegistration PartRegistration();

}  // namespace ubp

#endif  // UBP_DELEGATE_PLUGIN_PART_H_
