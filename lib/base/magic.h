/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Magic numbers: each long-lived struct starts with `uint32_t magic`, set at creation, cleared at
 * the end and checked at entry of public functions. A wrong one is a bug of ours, so it asserts.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

#define MAGIC_SET(obj, value)   ((obj)->magic = (value))
#define MAGIC_CHECK(obj, value) assert((obj) && (obj)->magic == (value))
#define MAGIC_CLEAR(obj)        ((obj)->magic = 0)
