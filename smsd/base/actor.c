/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/base/actor.h"

const struct actor actor_smsd = {.name = "smsd", .via = "smsd"};
