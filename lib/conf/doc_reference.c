/* SPDX-License-Identifier: Apache-2.0 */
/* The reference in Markdown: one table an object, in the order of the schema. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/page.h"
#include "lib/conf/config.h"
#include "lib/conf/doc.h"
#include "lib/conf/schema.h"
#include "lib/conf/suite.h"
#include "lib/conf/value.h"
#include "lib/conf/version.h"

static const char head[] =
        "# Configuration reference\n"
        "\n"
        "This page is made from the schema by `conf-doc`; change `lib/conf/schema_*.c`, not this.\n"
        "How it works inside: [internals/configuration.md](internals/configuration.md). A document "
        "to\n"
        "start from: [packaging/tpsd.example.yaml](../packaging/tpsd.example.yaml). `tpsd --check "
        "FILE`\n"
        "lists everything that is wrong with a document, with line, column and remedy.\n"
        "\n"
        "The device reads `/etc/sluice/tpsd.yaml`: YAML, or JSON in a file named `*.json`. Unknown "
        "and\n"
        "duplicate keys are errors. YAML anchors, aliases and tags are not taken. A key without a "
        "value\n"
        "(`null`) is a key that is not written.\n"
        "\n"
        "## Values\n"
        "\n"
        "| Kind | Written |\n"
        "| --- | --- |\n"
        "| duration | a number and `ms`, `s`, `m`, `h` or `d`: `500ms`, `30s`, `5m`; `0` |\n"
        "| size | a number and `B`, `KiB`, `MiB` or `GiB`: `64KiB`; `0` |\n"
        "| ports | a list of ports and ranges: `[\"443\", \"8443-8450\"]` |\n"
        "| VLANs | a list of VLANs and ranges, 1 to 4094: `[\"10\", \"20-29\"]`; `untagged` for "
        "packets without a tag |\n"
        "| addresses | a list of addresses and CIDR blocks without bits behind the prefix: "
        "`[10.0.0.1, 10.1.0.0/16]` |\n"
        "| name | letters, digits, `_`, `-` and spaces within; where it says so, `.` too |\n"
        "| path | from `/` on |\n"
        "\n"
        "*When* says when a changed value takes effect: *live* at once, *new sessions* for "
        "sessions "
        "that\n"
        "begin afterwards, *restart* when the daemon starts next. The R-numbers are those of\n"
        "[requirements.md](requirements.md).\n";

static bool is_allowed(const struct conf_field *f, size_t choice)
{
	return f->allowed == 0 || (f->allowed & CONFIG_BIT(choice)) != 0;
}

static void say_words(struct page *p, const struct conf_field *f)
{
	bool first = true;

	if (f->type == CONF_TYPE_CHOICES)
		page_say(p, "list of ");
	for (size_t i = 0; i < f->choices->count; i++) {
		if (!is_allowed(f, i))
			continue;
		page_say(p, "%s`%s`", first ? "" : ", ", f->choices->items[i].text);
		first = false;
	}
}

static void say_range(struct page *p, const struct conf_field *f)
{
	char min[VALUE_TEXT_MAX];
	char max[VALUE_TEXT_MAX];

	if (f->type == CONF_TYPE_DURATION)
		page_say(p, "duration, %s to %s", value_format_duration(f->min, min),
		         value_format_duration(f->max, max));
	else if (f->type == CONF_TYPE_SIZE)
		page_say(p, "size, %s to %s", value_format_size(f->min, min),
		         value_format_size(f->max, max));
	else if (f->min == f->max)
		page_say(p, "%" PRIu64, f->min);
	else
		page_say(p, "%s, %" PRIu64 " to %" PRIu64, conf_type_name(f->type), f->min, f->max);
}

static void say_kind(struct page *p, const struct conf_field *f)
{
	switch (f->type) {
	case CONF_TYPE_CHOICE:
	case CONF_TYPE_CHOICES:
		say_words(p, f);
		break;
	case CONF_TYPE_UINT:
	case CONF_TYPE_PORT:
	case CONF_TYPE_DURATION:
	case CONF_TYPE_SIZE:
		say_range(p, f);
		break;
	case CONF_TYPE_REF:
		page_say(p, "name of a %s", conf_collection_name(f->ref));
		break;
	case CONF_TYPE_REFS:
		page_say(p, "list of names of a %s", conf_collection_name(f->ref));
		break;
	case CONF_TYPE_NAME:
		page_say(p, "name, with `.`, at most %" PRIu64 " bytes", f->max);
		break;
	case CONF_TYPE_NAME_STRICT:
	case CONF_TYPE_TEXT:
		page_say(p, "%s, at most %" PRIu64 " bytes", conf_type_name(f->type), f->max);
		break;
	default:
		page_say(p, "%s", conf_type_name(f->type));
		if (f->max > 0 && f->type != CONF_TYPE_PATH && f->type != CONF_TYPE_INTERFACE)
			page_say(p, ", at most %" PRIu64, f->max);
		break;
	}
}

static void say_default(struct page *p, const struct conf_field *f)
{
	if (f->flags & CONF_REQUIRED)
		page_say(p, "**required**");
	else if (f->fallback_help)
		page_say(p, "%s", f->fallback_help);
	else if (f->fallback && f->fallback[0])
		page_say(p, "`%s`", f->fallback);
}

static void say_since(struct page *p, const struct conf_field *f)
{
	if (conf_since(f) > 1)
		page_say(p, " Since `version: %" PRIu32 "`.", conf_since(f));
}

static void say_row(struct page *p, const struct conf_field *f)
{
	page_say(p, "| `%s` | ", f->name);
	say_kind(p, f);
	page_say(p, " | ");
	say_default(p, f);
	page_say(p, " | %s | %s", conf_scope_name(f->scope), f->help);
	if (f->source[0])
		page_say(p, " (%s)", f->source);
	say_since(p, f);
	if (f->flags & CONF_UNAVAILABLE)
		page_say(p, " **Refused: %s.**", f->unavailable);
	if (f->flags & CONF_SMS_ONLY)
		page_say(p, " **Of objects of the management system; refused in a document: %s.**",
		         f->unavailable);
	page_say(p, " |\n");
}

static bool is_row(const struct conf_field *f)
{
	return f->type != CONF_TYPE_OBJECT && f->type != CONF_TYPE_OBJECTS;
}

static void say_table(struct page *p, const struct conf_object *object)
{
	bool any = false;

	for (size_t i = 0; i < object->count; i++) {
		if (!is_row(&object->fields[i]))
			continue;
		if (!any)
			page_say(p, "\n| Key | Value | Default | When | What |\n"
			            "| --- | --- | --- | --- | --- |\n");
		any = true;
		say_row(p, &object->fields[i]);
	}
}

enum { KEY_MAX = 128, DEPTH_MAX = 8 };

/* Rows of the object, then a heading with each of its objects, depth first. */
static void say_object(struct page *p, const struct conf_object *object, const char *key, int depth)
{
	char below[KEY_MAX];

	say_table(p, object);
	if (depth > DEPTH_MAX)
		return;
	for (size_t i = 0; i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];

		if (is_row(f))
			continue;
		(void)snprintf(below, sizeof(below), "%s%s%s%s", key, key[0] ? "." : "", f->name,
		               f->type == CONF_TYPE_OBJECTS ? "[]" : "");
		page_say(p, "\n%s %s\n\n%s", depth == 0 ? "##" : "###", below, f->help);
		if (f->type == CONF_TYPE_OBJECTS)
			page_say(p, " A list of at most %" PRIu64 ".", f->max);
		if (f->source[0])
			page_say(p, " (%s)", f->source);
		say_since(p, f);
		if (f->flags & CONF_UNAVAILABLE)
			page_say(p, " **Refused: %s.**", f->unavailable);
		page_say(p, "\n");
		say_object(p, f->object, below, depth + 1);
	}
}

static void say_choices(struct page *p)
{
	page_say(p, "\n## Words\n\n| Word | Set | Meaning |\n| --- | --- | --- |\n");
#define CHOICES(set)
#define CHOICE(set, id, text, help) page_say(p, "| `%s` | %s | %s |\n", text, #set, help);
#define CHOICES_END(set)
#include "lib/conf/choices.def"
}

static void say_suites(struct page *p)
{
	const struct conf_suite *s;

	page_say(
	        p,
	        "\n## Cipher suites\n\n"
	        "In order of preference. A side uses those that all its selections name, but for\n"
	        "`deselected_suites`; what the TLS library of the device lacks of them is listed "
	        "by\n"
	        "`tps show ssl-inspection capabilities` and left out (R52). *Off* in the last "
	        "column: the\npreset `seed_compatible` deselects it unless the document has a list "
	        "of its own (R45).\n\n"
	        "| Suite | Protocols | Key exchange | Authentication | Bulk | MAC | Seed |\n"
	        "| --- | --- | --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; (s = conf_suite_at(i)) != NULL; i++) {
		bool any = s->first == CONFIG_TLS1_3;

		page_say(p, "| `%s` | %s to %s | %s | %s | %s | %s | %s |\n", s->name,
		         conf_choice_text("tls_protocol", s->first),
		         conf_choice_text("tls_protocol", s->last),
		         any ? "any"
		             : conf_choice_text("key_exchange",
		                                (unsigned)__builtin_ctz(s->key_exchange)),
		         any ? "any"
		             : conf_choice_text("authentication",
		                                (unsigned)__builtin_ctz(s->authentication)),
		         conf_choice_text("bulk", (unsigned)__builtin_ctz(s->bulk)),
		         conf_choice_text("mac", (unsigned)__builtin_ctz(s->mac)),
		         s->seed ? "" : "off");
	}
}

static void say_default_policy(struct page *p)
{
	page_say(
	        p,
	        "\n## The decryption policy Default\n\n"
	        "What it does not decrypt (R105). A policy of that name in the document takes its\n"
	        "place; `tps decryption export Default` writes its list for a `domains_file`.\n\n"
	        "| Domains | Why |\n| --- | --- |\n");
#define X(pattern, why) page_say(p, "| `%s` | %s |\n", pattern, why);
#include "lib/conf/default_decryption.def"
#undef X
}

int conf_doc_reference(struct buf *out)
{
	struct page p = {.out = out};

	page_say(&p, "%s\n## Top level\n", head);
	say_object(&p, &conf_schema, "", 0);
	say_choices(&p);
	say_suites(&p);
	say_default_policy(&p);
	return p.rc;
}
