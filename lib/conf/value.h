/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as documents write them, read and written back in one canonical spelling: durations
 * "30s", sizes "64KiB", port ranges "8443-8450", VLANs "10-20" and "untagged". Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct config_port_range;
struct config_vlan_range;

enum { VALUE_TEXT_MAX = 64 };

/* Decimal digits, no sign, no leading zero. SL_EMALFORMED, SL_ERANGE past 64 bits. */
int value_parse_uint(const char *text, uint64_t *ret_value) SL_NONNULL(1, 2) SL_MUST;

/* "0", or digits and one of ms, s, m, h, d. Milliseconds. Errors as value_parse_uint. */
int value_parse_duration(const char *text, uint64_t *ret_ms) SL_NONNULL(1, 2) SL_MUST;

/* "0", or digits and one of B, KiB, MiB, GiB. Bytes. Errors as value_parse_uint. */
int value_parse_size(const char *text, uint64_t *ret_bytes) SL_NONNULL(1, 2) SL_MUST;

/* "2027-01-31" (midnight) or "2027-01-31T08:00:00Z", UTC, years 1970 to 9999. Seconds since the
 * epoch. SL_EMALFORMED. */
int value_parse_time(const char *text, int64_t *ret_time) SL_NONNULL(1, 2) SL_MUST;

/* "443", "8443-8450": 1 to 65535, first not above last. SL_EMALFORMED, SL_ERANGE. */
int value_parse_ports(const char *text, struct config_port_range *ret_range)
        SL_NONNULL(1, 2) SL_MUST;

/* "10", "10-20", "untagged": 1 to 4094. Errors as value_parse_ports. */
int value_parse_vlans(const char *text, struct config_vlan_range *ret_range)
        SL_NONNULL(1, 2) SL_MUST;

/* Each returns `text`: the longest unit that needs no fraction. */
char *value_format_duration(uint64_t ms, char text[VALUE_TEXT_MAX]) SL_NONNULL(2);
char *value_format_size(uint64_t bytes, char text[VALUE_TEXT_MAX]) SL_NONNULL(2);
/* With the time of day, always. */
char *value_format_time(int64_t time, char text[VALUE_TEXT_MAX]) SL_NONNULL(2);
char *value_format_ports(const struct config_port_range *range, char text[VALUE_TEXT_MAX])
        SL_NONNULL(1, 2);
char *value_format_vlans(const struct config_vlan_range *range, char text[VALUE_TEXT_MAX])
        SL_NONNULL(1, 2);

/* Distance in single edits, never more than `max` + 1: for "did you mean". */
size_t value_edit_distance(const char *a, const char *b, size_t max) SL_NONNULL(1, 2);
