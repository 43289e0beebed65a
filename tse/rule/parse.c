/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one rule. A cursor walks the text; each step leaves it behind what it took, and an error
 * names the place it began at. Escapes: a backslash keeps the next character from ending a value.
 */
#include "tse/rule/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/keyword/keyword.h"
#include "tse/proto/buffer.h"

enum { WORD_MAX = 65536 };

enum action_word { ACT_ALERT, ACT_PASS, ACT_DROP, ACT_REJECT, ACT_REJECT_DST, ACT_REJECT_BOTH };

static const struct action_name {
	const char *name;
	enum action_word word;
} action_names[] = {
        {"alert", ACT_ALERT},
        {"pass", ACT_PASS},
        {"drop", ACT_DROP},
        {"reject", ACT_REJECT},
        {"rejectsrc", ACT_REJECT},
        {"rejectdst", ACT_REJECT_DST},
        {"rejectboth", ACT_REJECT_BOTH},
};

static const struct proto_name {
	const char *name;
	uint8_t services;
} proto_names[] = {
        {"tcp", 0x0f},
        {"tcp-stream", 0x0f},
        {"ip", 0x0f},
        {"http", 1 << TSE_SERVICE_HTTP},
        {"http1", 1 << TSE_SERVICE_HTTP},
        {"imap", 1 << TSE_SERVICE_IMAP},
        {"pop3", 1 << TSE_SERVICE_POP3},
};

struct cursor {
	const char *text;
	size_t at, len;
	const struct sets_ctx *sets;
	struct draft *d;
	struct rule_error *err;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->len && isspace((unsigned char)c->text[c->at]))
		c->at++;
	c->err->column = (unsigned)c->at + 1;
}

/* The next word of the header; blanks inside brackets belong to it. */
static size_t next_word(struct cursor *c, const char **ret_word)
{
	size_t begin;
	int depth = 0;

	skip_blanks(c);
	begin = c->at;
	while (c->at < c->len && (depth > 0 || !isspace((unsigned char)c->text[c->at]))) {
		if (c->text[c->at] == '(' && depth == 0)
			break;
		depth += c->text[c->at] == '[';
		depth -= c->text[c->at] == ']';
		c->at++;
	}
	*ret_word = c->text + begin;
	return c->at - begin;
}

static const struct action_name *find_action(const char *word, size_t len)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(action_names); i++) {
		if (keyword_word_is(word, len, action_names[i].name))
			return &action_names[i];
	}
	return NULL;
}

bool rule_begins(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && isalpha((unsigned char)text[n]))
		n++;
	return n < len && isspace((unsigned char)text[n]) && find_action(text, n);
}

static int read_action(struct cursor *c)
{
	const char *word;
	size_t len = next_word(c, &word);
	const struct action_name *a = find_action(word, len);

	if (!a)
		return rule_error_set(c->err, SL_EMALFORMED,
		                      "use alert, pass, drop, reject, rejectdst or rejectboth",
		                      "unknown action \"%.*s\"", (int)SL_MIN(len, (size_t)40),
		                      word);
	c->d->pass = a->word == ACT_PASS;
	c->d->block = a->word >= ACT_DROP;
	c->d->reject = a->word == ACT_REJECT || a->word == ACT_REJECT_BOTH;
	c->d->reject_dst = a->word == ACT_REJECT_DST || a->word == ACT_REJECT_BOTH;
	return 0;
}

static int read_proto(struct cursor *c)
{
	const char *word;
	size_t len = next_word(c, &word);

	for (size_t i = 0; i < SL_ARRAY_LEN(proto_names); i++) {
		if (keyword_word_is(word, len, proto_names[i].name)) {
			c->d->services = proto_names[i].services;
			return 0;
		}
	}
	return rule_error_set(c->err, SL_EUNSUPPORTED, "use tcp, ip, http, imap or pop3",
	                      "protocol \"%.*s\" is not inspected inside TLS",
	                      (int)SL_MIN(len, (size_t)40), word);
}

static int read_end(struct cursor *c, bool port, uint32_t *ret_number)
{
	const char *word;
	size_t len = next_word(c, &word);
	char *copy;
	int rc;

	if (len == 0 || len > WORD_MAX)
		return rule_error_set(c->err, SL_EMALFORMED,
		                      "write: action protocol address port -> address port (...)",
		                      "the header is incomplete");
	copy = strndup(word, len);
	if (!copy)
		return SL_ENOMEM;
	rc = port ? sets_parse_port(c->sets, copy, c->err, ret_number)
	          : sets_parse_addr(c->sets, copy, c->err, ret_number);
	free(copy);
	return rc;
}

static int read_arrow(struct cursor *c)
{
	const char *word;
	size_t len = next_word(c, &word);

	c->d->bidirectional = keyword_word_is(word, len, "<>");
	if (c->d->bidirectional || keyword_word_is(word, len, "->"))
		return 0;
	return rule_error_set(c->err, SL_EMALFORMED, "write -> or <>",
	                      "\"%.*s\" is not a direction", (int)SL_MIN(len, (size_t)40), word);
}

static int read_header(struct cursor *c)
{
	int rc = read_action(c);

	if (rc == 0)
		rc = read_proto(c);
	if (rc == 0)
		rc = read_end(c, false, &c->d->src_addr);
	if (rc == 0)
		rc = read_end(c, true, &c->d->src_port);
	if (rc == 0)
		rc = read_arrow(c);
	if (rc == 0)
		rc = read_end(c, false, &c->d->dst_addr);
	if (rc == 0)
		rc = read_end(c, true, &c->d->dst_port);
	if (rc != 0)
		return rc;
	skip_blanks(c);
	if (c->at >= c->len || c->text[c->at] != '(')
		rc = rule_error_set(c->err, SL_EMALFORMED, "write the options in parentheses",
		                    "no options");
	return rc;
}

static int refuse_keyword(struct cursor *c, const char *name, size_t len)
{
	const char *reason;
	const char *remedy;
	int shown = (int)SL_MIN(len, (size_t)40);

	if (keyword_refused(name, len, &reason, &remedy))
		return rule_error_set(c->err, SL_EUNSUPPORTED, remedy, "keyword \"%.*s\": %s",
		                      shown, name, reason);
	return rule_error_set(c->err, SL_EUNSUPPORTED, "remove it, or correct the spelling",
	                      "keyword \"%.*s\" is not known", shown, name);
}

static int call_keyword(struct cursor *c, const struct keyword *k, const char *value, size_t len)
{
	struct keyword_call call = {
	        .keyword = k, .draft = c->d, .err = c->err, .value = value, .len = len};

	if (k->value == KEYWORD_VALUE && len == 0)
		return rule_error_set(c->err, SL_EMALFORMED, "give one", "%s has no value",
		                      k->name);
	if (k->value == KEYWORD_NO_VALUE && len > 0)
		return rule_error_set(c->err, SL_EMALFORMED, "remove it", "%s takes no value",
		                      k->name);
	return k->read(&call);
}

/* The end of a value: a semicolon that no backslash keeps. */
static size_t value_end(const struct cursor *c)
{
	size_t i = c->at;

	while (i < c->len && c->text[i] != ';')
		i += c->text[i] == '\\' ? 2 : 1;
	return i;
}

static int read_option(struct cursor *c)
{
	const char *name = c->text + c->at;
	const struct keyword *k;
	size_t name_len;
	size_t end;
	size_t value_len;

	while (c->at < c->len && !strchr(":;) \t", c->text[c->at]))
		c->at++;
	name_len = (size_t)(c->text + c->at - name);
	k = name_len > 0 ? keyword_find(name, name_len) : NULL;
	if (!k)
		return refuse_keyword(c, name, name_len);
	while (c->at < c->len && isspace((unsigned char)c->text[c->at]))
		c->at++;
	if (c->at < c->len && c->text[c->at] == ':') {
		c->at++;
		skip_blanks(c);
	}
	end = value_end(c);
	if (end >= c->len)
		return rule_error_set(c->err, SL_EMALFORMED, "end it with a semicolon",
		                      "option %s does not end", k->name);
	value_len = end - c->at;
	while (value_len > 0 && isspace((unsigned char)c->text[c->at + value_len - 1]))
		value_len--;
	name = c->text + c->at;
	c->at = end + 1;
	return call_keyword(c, k, name, value_len);
}

static int read_options(struct cursor *c)
{
	int rc = 0;

	c->at++;
	for (;;) {
		skip_blanks(c);
		if (c->at >= c->len)
			return rule_error_set(c->err, SL_EMALFORMED, "close the parenthesis",
			                      "the options do not end");
		if (c->text[c->at] == ')')
			break;
		rc = read_option(c);
		if (rc != 0)
			return rc;
	}
	c->at++;
	skip_blanks(c);
	if (c->at < c->len)
		return rule_error_set(c->err, SL_EMALFORMED, "remove it",
		                      "text after the closing parenthesis");
	return 0;
}

static int check_whole(struct cursor *c)
{
	c->err->column = 0;
	if (c->d->sid == 0)
		return rule_error_set(c->err, SL_EMALFORMED, "give it a number of its own",
		                      "the rule has no sid");
	if (c->d->priority == 0)
		c->d->priority = c->d->class_priority ? c->d->class_priority : 3;
	return 0;
}

int rule_parse(const struct sets_ctx *sets, const char *text, size_t len, struct draft *d,
               struct rule_error *err)
{
	struct cursor c = {.text = text, .len = len, .sets = sets, .d = d, .err = err};
	int rc;

	/* the byte pool need not be cleared, and is most of it */
	memset(d, 0, offsetof(struct draft, bytes));
	d->gid = 1;
	d->last = -1;
	*err = (struct rule_error){.column = 1};
	rc = read_header(&c);
	if (rc == 0)
		rc = read_options(&c);
	if (rc == 0)
		rc = check_whole(&c);
	return rc;
}

struct tse_action rule_own_action(const struct draft *d)
{
	struct tse_action a = {.block = d->block, .notify = !d->noalert};
	unsigned sender = d->dirs == BUFFER_TC ? TSE_RESET_DESTINATION : TSE_RESET_SOURCE;
	unsigned reset = (d->reject ? sender : 0) | (d->reject_dst ? sender ^ TSE_RESET_BOTH : 0);

	a.reset = (enum tse_reset)reset;
	return a;
}
