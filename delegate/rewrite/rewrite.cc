// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/rewrite.h"

#include <string>

#include "delegate/rewrite/absorb_adds.h"
#include "delegate/rewrite/absorb_pads.h"
#include "delegate/rewrite/cancel_transposes.h"
#include "delegate/rewrite/drop_unneeded.h"
#include "delegate/rewrite/fuse_elementwise.h"
#include "delegate/rewrite/fuse_functions.h"
#include "delegate/rewrite/pad_maxima.h"
#include "delegate/rewrite/skip_dead_pixels.h"

namespace ubp {

Status Rewrite(const RewriteRules& rules, bool verify, ShapedGraph* graph) {
  const auto check = [&](const char* pass) {
    if (!verify) return Status::Ok();
    const Status status = VerifyShapedGraph(*graph);
    return status.ok() ? status : Status::Error(std::string(pass) + ": " + status.message());
  };
  CancelTransposes(graph);
  UBP_RETURN_IF_ERROR(AbsorbPads(graph));
  DropUnneeded(graph);  // from here on no tensor is empty
  UBP_RETURN_IF_ERROR(check("DropUnneeded"));
  FuseElementwise(graph);
  UBP_RETURN_IF_ERROR(check("FuseElementwise"));
  AbsorbAdds(graph);
  UBP_RETURN_IF_ERROR(check("AbsorbAdds"));
  if (rules.fuse_functions) FuseFunctions(graph);  // residuals come before the function
  UBP_RETURN_IF_ERROR(check("FuseFunctions"));
  PadMaxima(graph);
  if (rules.skip_dead_pixels) SkipDeadPixels(graph);
  return check("SkipDeadPixels");
}

}  // namespace ubp
