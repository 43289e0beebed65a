/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing single values of a document. */
#include "lib/conf/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Longest first: formatting takes the first that divides. */
static const struct unit durations[] = {
        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {
        {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}};

/* Digits at the front of `text`; *ret_end is what follows them. */
static int parse_digits(const char *text, uint64_t *ret_value, const char **ret_end)
{
	uint64_t value = 0;
	const char *at = text;

	if (!isdigit((unsigned char)*at) || (at[0] == '0' && isdigit((unsigned char)at[1])))
		return SL_EMALFORMED;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return SL_ERANGE;
	*ret_value = value;
	*ret_end = at;
	return 0;
}

int value_parse_uint(const char *text, uint64_t *ret_value)
{
	const char *end;
	uint64_t value;
	int rc = parse_digits(text, &value, &end);

	if (rc != 0)
		return rc;
	if (*end != '\0')
		return SL_EMALFORMED;
	*ret_value = value;
	return 0;
}

static int parse_with_unit(const char *text, const struct unit *units, size_t count,
                           uint64_t *ret_value)
{
	const char *end;
	uint64_t value;
	int rc = parse_digits(text, &value, &end);

	if (rc != 0)
		return rc;
	if (*end == '\0' && value == 0) {
		*ret_value = 0;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		if (strcmp(end, units[i].name) == 0)
			return __builtin_mul_overflow(value, units[i].factor, ret_value) ? SL_ERANGE
			                                                                 : 0;
	return SL_EMALFORMED;
}

int value_parse_duration(const char *text, uint64_t *ret_ms)
{
	return parse_with_unit(text, durations, SL_ARRAY_LEN(durations), ret_ms);
}

int value_parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse_with_unit(text, sizes, SL_ARRAY_LEN(sizes), ret_bytes);
}

static int parse_range(const char *text, uint64_t max, uint16_t *ret_first, uint16_t *ret_last)
{
	const char *end;
	uint64_t first;
	uint64_t last;
	int rc = parse_digits(text, &first, &end);

	last = first;
	if (rc == 0 && *end == '-')
		rc = parse_digits(end + 1, &last, &end);
	if (rc == 0 && *end != '\0')
		rc = SL_EMALFORMED;
	if (rc != 0)
		return rc;
	if (first < 1 || last > max || first > last)
		return SL_ERANGE;
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)last;
	return 0;
}

int value_parse_ports(const char *text, struct config_port_range *ret_range)
{
	return parse_range(text, UINT16_MAX, &ret_range->first, &ret_range->last);
}

int value_parse_vlans(const char *text, struct config_vlan_range *ret_range)
{
	if (strcmp(text, "untagged") == 0) {
		*ret_range = (struct config_vlan_range){0};
		return 0;
	}
	return parse_range(text, 4094, &ret_range->first, &ret_range->last);
}

static char *format_with_unit(uint64_t value, const struct unit *units, char *text)
{
	while (value % units->factor != 0)
		units++;
	(void)snprintf(text, VALUE_TEXT_MAX, "%" PRIu64 "%s", value / units->factor, units->name);
	return text;
}

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"

int value_parse_time(const char *text, int64_t *ret_time)
{
	enum { DAY_LEN = sizeof("2027-01-31") - 1 };
	char whole[VALUE_TEXT_MAX], again[VALUE_TEXT_MAX];
	struct tm tm = {0};
	const char *end;
	int n = snprintf(whole, sizeof(whole), "%s%s", text,
	                 strlen(text) == DAY_LEN ? "T00:00:00Z" : "");

	if (n < 0 || (size_t)n >= sizeof(whole))
		return SL_EMALFORMED;
	end = strptime(whole, TIME_FORMAT, &tm);
	if (!end || *end != '\0' || tm.tm_year < 70)
		return SL_EMALFORMED;
	/* The 31st of February would be some day of March; "1" is not "01". */
	if (strcmp(value_format_time(timegm(&tm), again), whole) != 0)
		return SL_EMALFORMED;
	*ret_time = timegm(&tm);
	return 0;
}

char *value_format_time(int64_t at, char text[VALUE_TEXT_MAX])
{
	time_t time = (time_t)at;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || strftime(text, VALUE_TEXT_MAX, TIME_FORMAT, &tm) == 0)
		(void)snprintf(text, VALUE_TEXT_MAX, "?");
	return text;
}

char *value_format_duration(uint64_t ms, char text[VALUE_TEXT_MAX])
{
	return format_with_unit(ms, ms ? durations : durations + 3, text);
}

char *value_format_size(uint64_t bytes, char text[VALUE_TEXT_MAX])
{
	return format_with_unit(bytes, bytes ? sizes : sizes + 3, text);
}

static char *format_range(unsigned first, unsigned last, char *text)
{
	if (first == last)
		(void)snprintf(text, VALUE_TEXT_MAX, "%u", first);
	else
		(void)snprintf(text, VALUE_TEXT_MAX, "%u-%u", first, last);
	return text;
}

char *value_format_ports(const struct config_port_range *range, char text[VALUE_TEXT_MAX])
{
	return format_range(range->first, range->last, text);
}

char *value_format_vlans(const struct config_vlan_range *range, char text[VALUE_TEXT_MAX])
{
	if (range->last == 0)
		(void)snprintf(text, VALUE_TEXT_MAX, "untagged");
	else
		format_range(range->first, range->last, text);
	return text;
}

size_t value_edit_distance(const char *a, const char *b, size_t max)
{
	enum { LONGEST = 64 };
	size_t row[LONGEST + 1];
	size_t alen = strlen(a);
	size_t blen = strlen(b);

	if (alen > LONGEST || blen > LONGEST)
		return max + 1;
	for (size_t j = 0; j <= blen; j++)
		row[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			size_t cost = tolower((unsigned char)a[i - 1]) !=
			              tolower((unsigned char)b[j - 1]);
			size_t best = SL_MIN(row[j], row[j - 1]) + 1;

			best = SL_MIN(best, diagonal + cost);
			diagonal = row[j];
			row[j] = best;
		}
	}
	return SL_MIN(row[blen], max + 1);
}
