/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow: which direction a rule looks at. Every session the engine sees is established.
 */
#include "lib/base/err.h"
#include "tse/keyword/keyword.h"
#include "tse/proto/buffer.h"

static const struct flow_word {
	const char *name;
	uint8_t dirs;        /* 0: says nothing about it */
	const char *refused; /* NULL: taken */
} words[] = {
        {"established", 0, NULL},
        {"to_server", BUFFER_TS, NULL},
        {"from_client", BUFFER_TS, NULL},
        {"to_client", BUFFER_TC, NULL},
        {"from_server", BUFFER_TC, NULL},
        {"stateless", 0, NULL},
        {"only_stream", 0, NULL},
        {"not_established", 0, "every session the engine sees is established"},
        {"no_stream", 0, "the engine sees no single packets"},
        {"only_frag", 0, "the engine sees no fragments"},
        {"no_frag", 0, NULL},
};

static int read_word(const struct keyword_call *c, const char *word, size_t len)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
		if (!keyword_word_is(word, len, words[i].name))
			continue;
		if (words[i].refused)
			return rule_error_set(c->err, SL_EUNSUPPORTED, "remove the word",
			                      "flow: %s", words[i].refused);
		if (words[i].dirs && c->draft->dirs && c->draft->dirs != words[i].dirs)
			return rule_error_set(c->err, SL_EMALFORMED, "name one direction",
			                      "flow: two directions");
		c->draft->dirs |= words[i].dirs;
		return 0;
	}
	return rule_error_set(c->err, SL_EMALFORMED, "", "flow: unknown word \"%.*s\"",
	                      (int)SL_MIN(len, (size_t)40), word);
}

static int read_flow(const struct keyword_call *c)
{
	const char *at = c->value;
	size_t left = c->len;
	const char *word;
	size_t len;
	int rc = 0;

	if (c->draft->flow_seen)
		return rule_error_set(c->err, SL_EMALFORMED, "join them", "flow is given twice");
	c->draft->flow_seen = true;
	while (rc == 0 && keyword_next_word(&at, &left, &word, &len))
		rc = read_word(c, word, len);
	return rc;
}

static const struct keyword keywords[] = {
        {"flow", "direction and state of the session", KEYWORD_VALUE, read_flow, "flow", 0},
};

const struct keyword_family keyword_flow = {"flow", keywords, SL_ARRAY_LEN(keywords)};
