/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes for public prototypes. They make the compiler hold callers to what the header says:
 * a result that must be looked at, arguments that must not be NULL, a printf format.
 */
#pragma once

#define SL_MUST              __attribute__((warn_unused_result))
#define SL_NONNULL(...)      __attribute__((nonnull(__VA_ARGS__)))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SL_UNUSED            __attribute__((unused))
#define SL_NORETURN          __attribute__((noreturn))

#define SL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SL_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define SL_MAX(a, b)    ((a) > (b) ? (a) : (b))
