// SPDX-License-Identifier: Apache-2.0
// Concatenations along channels without a copy.
#ifndef UBP_DELEGATE_CPU_PLAN_PLACE_CONCATENATIONS_H_
#define UBP_DELEGATE_CPU_PLAN_PLACE_CONCATENATIONS_H_

#include "delegate/cpu/plan/layout.h"

namespace ubp {

// The planes of a concatenation are those of its inputs, one after the other, and all have one
// geometry: so each input lies in the planes of the output, and who writes it writes them there. An
// output may itself lie in that of another. A tensor can lie in one place only: where several
// concatenations read it, or one does twice, the others copy it. They all do if there are several
// images, whose planes alternate.
//
// Fills in `container` and `first_plane` of the tensors, whose layouts are known.
void PlaceConcatenations(GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_PLACE_CONCATENATIONS_H_
