/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which items a call may touch, by the groups of whoever makes it (smsd/auth/group.h): asked of
 * every call before its handler, and of every answer on its way out. No handler has a part in it:
 * a path's first word that is a collection of auth/item.def has an item's name behind it; in a body
 * the schema's own references to such items, and lists of names under a kind's key, are items; in
 * an answer objects with kind and name, and the objects of a list under such a key. Who has not all
 * of a kind makes no new ones (he would not see them) and names the devices that he distributes to.
 * What he may not see is to him what is not there. Pool threads.
 */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/api/call.h"

/* The path's item, before anything else of the call is looked at; and what its body names, once
 * that is as its shape says. SL_ENOENT, SL_EPERM in call->problem; the store's codes. */
int access_check_path(struct api_call *call) SL_NONNULL(1) SL_MUST;
int access_check_body(struct api_call *call) SL_NONNULL(1) SL_MUST;

/* Takes out of an answer what he may not see. */
int access_filter(struct api_call *call, json_t *value) SL_NONNULL(1, 2) SL_MUST;
