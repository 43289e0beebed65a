/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keywords that describe a rule: msg, sid, rev, gid, classtype, priority, metadata, reference,
 * target, noalert.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/keyword/keyword.h"

static const struct class_type {
	const char *name;
	unsigned priority;
} class_types[] = {
#define X(name, priority) {name, priority},
#include "tse/rule/classtype.def"
#undef X
};

/* Text in quotes, with \" \; \: \\ resolved. */
static int read_msg(const struct keyword_call *c)
{
	const char *text;
	size_t len;
	size_t out = 0;
	bool negated;
	int rc = keyword_quoted(c, &text, &len, &negated);

	if (rc != 0)
		return rc;
	if (negated)
		return rule_error_set(c->err, SL_EMALFORMED, "remove the !", "msg is negated");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len)
			i++;
		if (out + 1 >= sizeof(c->draft->msg))
			return rule_error_set(c->err, SL_ELIMIT, "shorten it",
			                      "msg is longer than %d bytes", TSE_MSG_MAX - 1);
		c->draft->msg[out++] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
	}
	c->draft->msg[out] = '\0';
	return 0;
}

static int read_id(const struct keyword_call *c)
{
	uint32_t *to[] = {&c->draft->sid, &c->draft->rev, &c->draft->gid};
	long long v;
	long long max = c->keyword->arg == 0 ? (long long)TSE_SID_ANOMALY - 1 : UINT32_MAX;
	int rc = keyword_number(c, c->value, c->len, c->keyword->arg == 0, max, &v);

	if (rc == 0)
		*to[c->keyword->arg] = (uint32_t)v;
	return rc;
}

static int read_classtype(const struct keyword_call *c)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(class_types); i++) {
		if (keyword_word_is(c->value, c->len, class_types[i].name)) {
			(void)snprintf(c->draft->classtype, sizeof(c->draft->classtype), "%s",
			               class_types[i].name);
			c->draft->class_priority = class_types[i].priority;
			return 0;
		}
	}
	return rule_error_set(c->err, SL_EMALFORMED, "use a class type of the table",
	                      "unknown class type \"%.*s\"", (int)SL_MIN(c->len, (size_t)60),
	                      c->value);
}

static int read_priority(const struct keyword_call *c)
{
	long long v;
	int rc = keyword_number(c, c->value, c->len, 1, 255, &v);

	if (rc == 0)
		c->draft->priority = (unsigned)v;
	return rc;
}

static int read_metadata(const struct keyword_call *c)
{
	size_t have = strlen(c->draft->metadata);
	int n = snprintf(c->draft->metadata + have, sizeof(c->draft->metadata) - have, "%s%.*s",
	                 have ? ", " : "", (int)SL_MIN(c->len, sizeof(c->draft->metadata)),
	                 c->value);

	if ((size_t)n >= sizeof(c->draft->metadata) - have)
		return rule_error_set(c->err, SL_ELIMIT, "shorten it",
		                      "metadata is longer than %d bytes", DRAFT_METADATA_MAX - 1);
	return 0;
}

static int read_reference(const struct keyword_call *c)
{
	if (!memchr(c->value, ',', c->len))
		return rule_error_set(c->err, SL_EMALFORMED, "write it as kind,text",
		                      "reference has no comma");
	return 0;
}

static int read_target(const struct keyword_call *c)
{
	if (keyword_word_is(c->value, c->len, "src_ip") ||
	    keyword_word_is(c->value, c->len, "dest_ip"))
		return 0;
	return rule_error_set(c->err, SL_EMALFORMED, "use src_ip or dest_ip",
	                      "target is neither src_ip nor dest_ip");
}

static int read_noalert(const struct keyword_call *c)
{
	c->draft->noalert = true;
	return 0;
}

static const struct keyword keywords[] = {
        {"msg", "text of the event", KEYWORD_VALUE, read_msg, "meta", 0},
        {"sid", "number of the rule", KEYWORD_VALUE, read_id, "meta", 0},
        {"rev", "revision of the rule", KEYWORD_VALUE, read_id, "meta", 1},
        {"gid", "group of the number", KEYWORD_VALUE, read_id, "meta", 2},
        {"classtype", "class, with its priority", KEYWORD_VALUE, read_classtype, "meta", 0},
        {"priority", "1 (gravest) to 255", KEYWORD_VALUE, read_priority, "meta", 0},
        {"metadata", "free words, kept for the event", KEYWORD_VALUE, read_metadata, "meta", 0},
        {"reference", "where to read more", KEYWORD_VALUE, read_reference, "meta", 0},
        {"target", "which end is the victim", KEYWORD_VALUE, read_target, "meta", 0},
        {"noalert", "matches without an event", KEYWORD_NO_VALUE, read_noalert, "noalert", 0},
};

const struct keyword_family keyword_meta = {"meta", keywords, SL_ARRAY_LEN(keywords)};
