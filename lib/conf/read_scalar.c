/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scalar of a document by its row: numbers, words, names, paths, references. Everything that
 * is wrong is added to the list with its remedy, and reading goes on.
 */
#include "lib/conf/name.h"
#include "lib/conf/read_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"

enum { REMEDY_MAX = 512 };

void read_store(void *at, const void *value, size_t len)
{
	if (at)
		memcpy(at, value, len);
}

static const char *range_remedy(const struct conf_field *f, char remedy[REMEDY_MAX])
{
	char min[VALUE_TEXT_MAX];
	char max[VALUE_TEXT_MAX];

	if (f->type == CONF_TYPE_DURATION)
		(void)snprintf(
		        remedy, REMEDY_MAX, "write a number and ms, s, m, h or d, from %s to %s",
		        value_format_duration(f->min, min), value_format_duration(f->max, max));
	else if (f->type == CONF_TYPE_SIZE)
		(void)snprintf(remedy, REMEDY_MAX,
		               "write a number and B, KiB, MiB or GiB, from %s to %s",
		               value_format_size(f->min, min), value_format_size(f->max, max));
	else
		(void)snprintf(remedy, REMEDY_MAX,
		               "write a whole number from %" PRIu64 " to %" PRIu64 "%s%s", f->min,
		               f->max, f->why_max ? ": " : "", f->why_max ? f->why_max : "");
	return remedy;
}

static void read_number(struct build *b, const struct conf_field *f, const struct conf_node *node,
                        const char *text, void *at)
{
	char remedy[REMEDY_MAX];
	uint64_t value;
	int rc;

	if (f->type == CONF_TYPE_DURATION)
		rc = value_parse_duration(text, &value);
	else if (f->type == CONF_TYPE_SIZE)
		rc = value_parse_size(text, &value);
	else
		rc = value_parse_uint(text, &value);
	if (rc == 0 && (value < f->min || value > f->max))
		rc = SL_ERANGE;
	if (rc != 0) {
		(void)conf_errors_add(b->errs, node, rc, range_remedy(f, remedy), "%s: \"%s\" %s",
		                      f->name, text,
		                      rc == SL_ERANGE ? "is out of range" : "cannot be read");
		return;
	}
	if (f->type == CONF_TYPE_SIZE)
		read_store(at, &value, sizeof(uint64_t));
	else if (f->type == CONF_TYPE_PORT)
		read_store(at, &(uint16_t){(uint16_t)value}, sizeof(uint16_t));
	else
		read_store(at, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
}

static void read_time(struct build *b, const struct conf_field *f, const struct conf_node *node,
                      const char *text, void *at)
{
	int64_t value;

	if (value_parse_time(text, &value) != 0) {
		(void)conf_errors_add(b->errs, node, SL_EMALFORMED,
		                      "write a day or a time in UTC: 2027-01-31 or "
		                      "2027-01-31T08:00:00Z",
		                      "%s: \"%s\" is not a time", f->name, text);
		return;
	}
	read_store(at, &value, sizeof(value));
}

static void read_bool(struct build *b, const struct conf_field *f, const struct conf_node *node,
                      const char *text, void *at)
{
	bool value = strcmp(text, "true") == 0;

	if (!value && strcmp(text, "false") != 0) {
		(void)conf_errors_add(b->errs, node, SL_EMALFORMED, "write true or false",
		                      "%s: \"%s\" is neither true nor false", f->name, text);
		return;
	}
	read_store(at, &value, sizeof(value));
}

static bool is_allowed(const struct conf_field *f, size_t choice)
{
	return f->allowed == 0 || (f->allowed & CONFIG_BIT(choice)) != 0;
}

static const char *words_remedy(const struct conf_field *f, char remedy[REMEDY_MAX])
{
	size_t at = (size_t)snprintf(remedy, REMEDY_MAX, "it takes:");

	for (size_t i = 0; i < f->choices->count && at < REMEDY_MAX; i++)
		if (is_allowed(f, i))
			at += (size_t)snprintf(remedy + at, REMEDY_MAX - at, " %s",
			                       f->choices->items[i].text);
	return remedy;
}

/* The number of a word, or -1 after an error has been added. */
int read_word(struct build *b, const struct conf_field *f, const struct conf_node *node,
              const char *text)
{
	char remedy[REMEDY_MAX];

	for (size_t i = 0; i < f->choices->count; i++)
		if (is_allowed(f, i) && strcmp(text, f->choices->items[i].text) == 0)
			return (int)i;
	(void)conf_errors_add(b->errs, node, SL_EINVAL, words_remedy(f, remedy),
	                      "%s does not take \"%s\"", f->name, text);
	return -1;
}

static void read_choice(struct build *b, const struct conf_field *f, const struct conf_node *node,
                        const char *text, void *at)
{
	int number = read_word(b, f, node, text);

	if (number >= 0)
		read_store(at, &number, sizeof(number));
}

static bool is_name_char(char c, bool dot)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == ' ' || (dot && c == '.');
}

bool conf_is_name(const char *text, bool dot)
{
	size_t len = strlen(text);

	if (len == 0 || text[0] == ' ' || text[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(text[i], dot))
			return false;
	return true;
}

static bool is_interface(const char *text)
{
	if (text[0] == '\0' || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || *text == '/' || *text == ':')
			return false;
	return true;
}

static bool has_control(const char *text, bool lines)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' || *text == 0x7f) &&
		    !(lines && (*text == '\n' || *text == '\r')))
			return true;
	return false;
}

/* NULL when `text` is as the type wants it, else the remedy. */
static const char *text_remedy(const struct conf_field *f, const char *text)
{
	switch (f->type) {
	case CONF_TYPE_NAME:
		return conf_is_name(text, true)
		               ? NULL
		               : "use letters, digits, \"_\", \"-\", \".\" and spaces "
		                 "within";
	case CONF_TYPE_NAME_STRICT:
		return conf_is_name(text, false)
		               ? NULL
		               : "use letters, digits, \"_\", \"-\" and spaces within";
	case CONF_TYPE_INTERFACE:
		return is_interface(text) ? NULL : "write the name of a network interface: eth1";
	case CONF_TYPE_PATH:
		return text[0] == '/' && !has_control(text, false)
		               ? NULL
		               : "write the whole path, from \"/\" on";
	default:
		return has_control(text, f->flags & CONF_LINES)
		               ? "leave control characters and line ends out"
		               : NULL;
	}
}

void read_text(struct build *b, const struct conf_field *f, const struct conf_node *node,
               const char *text, void *at)
{
	const char *remedy = node ? text_remedy(f, text) : NULL;
	char limit[REMEDY_MAX];
	char *copy;

	if (!remedy && f->max > 0 && strlen(text) > f->max) {
		(void)snprintf(limit, sizeof(limit), "shorten it to %" PRIu64 " bytes", f->max);
		remedy = limit;
	}
	if (!remedy && node && strlen(text) < f->min) {
		(void)snprintf(limit, sizeof(limit), "write at least %" PRIu64 " bytes", f->min);
		remedy = limit;
	}
	if (remedy) {
		(void)conf_errors_add(b->errs, node, SL_EINVAL, remedy, "%s: \"%.64s\" is not a %s",
		                      f->name, f->flags & CONF_SECRET ? "..." : text,
		                      conf_type_name(f->type));
		return;
	}
	if (!at)
		return;
	copy = build_alloc(b, strlen(text) + 1, 1);
	if (copy) {
		memcpy(copy, text, strlen(text));
		read_store(at, &copy, sizeof(copy));
	}
}

static void read_address(struct build *b, const struct conf_field *f, const struct conf_node *node,
                         const char *text, void *at)
{
	struct addr addr = {0};

	if (addr_parse(text, &addr) != 0) {
		(void)conf_errors_add(b->errs, node, SL_EMALFORMED, "write an address: 127.0.0.1",
		                      "%s: \"%s\" is not an address", f->name, text);
		return;
	}
	read_store(at, &addr, sizeof(addr));
}

void read_ref(struct build *b, const struct conf_field *f, const struct conf_node *node, void *at)
{
	struct build_ref *refs;
	size_t size = b->refs_size ? b->refs_size * 2 : 64;

	if (b->refs_count == b->refs_size) {
		refs = reallocarray(b->refs, size, sizeof(*refs));
		if (!refs) {
			(void)conf_errors_add(b->errs, node, SL_ENOMEM, "", "out of memory");
			return;
		}
		b->refs = refs;
		b->refs_size = size;
	}
	b->refs[b->refs_count++] = (struct build_ref){node, f->ref, at};
}

void read_scalar(struct build *b, const struct conf_field *f, const struct conf_node *node,
                 const char *text, void *at)
{
	switch (f->type) {
	case CONF_TYPE_BOOL:
		read_bool(b, f, node, text, at);
		break;
	case CONF_TYPE_UINT:
	case CONF_TYPE_PORT:
	case CONF_TYPE_DURATION:
	case CONF_TYPE_SIZE:
		read_number(b, f, node, text, at);
		break;
	case CONF_TYPE_TIME:
		read_time(b, f, node, text, at);
		break;
	case CONF_TYPE_CHOICE:
		read_choice(b, f, node, text, at);
		break;
	case CONF_TYPE_ADDRESS:
		read_address(b, f, node, text, at);
		break;
	case CONF_TYPE_REF:
		read_ref(b, f, node, at);
		break;
	default:
		read_text(b, f, node, text, at);
		break;
	}
}
