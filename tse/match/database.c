/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles the patterns of each group to a Vectorscan database. Literals are given as expressions
 * of \xNN, so that literals and expressions share one database and one scan.
 */
#include "tse/match/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tse/match/table.h"

struct group_input {
	char **expressions;
	unsigned *flags;
	unsigned *ids;
	unsigned n;
};

static unsigned group_mode(unsigned group)
{
	return rs_group_is_stream(group) ? HS_MODE_STREAM : HS_MODE_BLOCK;
}

bool database_takes(const char *expression, uint32_t flags, bool stream)
{
	hs_database_t *db = NULL;
	hs_compile_error_t *error = NULL;
	hs_error_t rc = hs_compile(expression, flags, stream ? HS_MODE_STREAM : HS_MODE_BLOCK, NULL,
	                           &db, &error);

	hs_free_compile_error(error);
	hs_free_database(db);
	return rc == HS_SUCCESS;
}

static char *literal_expression(const uint8_t *data, uint32_t len)
{
	char *text = malloc((size_t)len * 4 + 1);

	for (uint32_t i = 0; text && i < len; i++)
		(void)snprintf(text + i * 4, 5, "\\x%02x", data[i]);
	return text;
}

static int add_input(const struct builder *b, struct group_input *in, uint32_t index)
{
	const struct builder_pattern *p = &b->patterns[index];
	const uint8_t *data = b->set->bytes + p->data;
	char *text = p->expression ? strdup((const char *)data) : literal_expression(data, p->len);

	if (!text)
		return SL_ENOMEM;
	in->expressions[in->n] = text;
	in->flags[in->n] =
	        p->expression ? p->flags : HS_FLAG_DOTALL | (p->nocase ? HS_FLAG_CASELESS : 0);
	/* one hit a scan is enough in a whole buffer; in a stream where the place is no matter */
	if (!rs_group_is_stream(p->group) || p->single)
		in->flags[in->n] |= HS_FLAG_SINGLEMATCH;
	in->ids[in->n] = index;
	in->n++;
	return 0;
}

static int compile_inputs(struct tse_ruleset *set, unsigned group, const struct group_input *in)
{
	hs_compile_error_t *error = NULL;
	hs_error_t rc;

	if (in->n == 0)
		return 0;
	rc = hs_compile_multi((const char *const *)in->expressions, in->flags, in->ids, in->n,
	                      group_mode(group), NULL, &set->db[group], &error);
	if (rc == HS_SUCCESS)
		return 0;
	log_error("the pattern matcher refuses the rule set: %s",
	          error && error->message ? error->message : "no reason given");
	hs_free_compile_error(error);
	return rc == HS_NOMEM ? SL_ENOMEM : SL_EMALFORMED;
}

static int compile_group(struct builder *b, unsigned group)
{
	struct group_input in = {0};
	int rc = 0;

	in.expressions = calloc(b->npatterns + 1, sizeof(*in.expressions));
	in.flags = calloc(b->npatterns + 1, sizeof(*in.flags));
	in.ids = calloc(b->npatterns + 1, sizeof(*in.ids));
	if (!in.expressions || !in.flags || !in.ids)
		rc = SL_ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < b->npatterns; i++) {
		if (b->patterns[i].group == group)
			rc = add_input(b, &in, i);
	}
	if (rc == 0)
		rc = compile_inputs(b->set, group, &in);
	for (unsigned i = 0; i < in.n; i++)
		free(in.expressions[i]);
	free(in.expressions);
	free(in.flags);
	free(in.ids);
	return rc;
}

/* The linked lists of users become runs in the set's table. */
static int flatten(struct builder *b)
{
	struct tse_ruleset *set = b->set;

	set->patterns = calloc(b->npatterns + 1, sizeof(*set->patterns));
	set->refs = calloc(b->nrefs + 1, sizeof(*set->refs));
	if (!set->patterns || !set->refs)
		return SL_ENOMEM;
	for (uint32_t i = 0; i < b->npatterns; i++) {
		const struct builder_pattern *p = &b->patterns[i];

		set->patterns[i] = (struct rs_pattern){.ref = set->nrefs,
		                                       .nrefs = p->nrefs,
		                                       .len = p->expression ? 0 : p->len,
		                                       .group = p->group};
		for (uint32_t r = p->first_ref; r; r = b->refs[r - 1].next)
			set->refs[set->nrefs++] = b->refs[r - 1].target;
	}
	set->npatterns = b->npatterns;
	set->info.patterns = b->npatterns;
	return 0;
}

int database_compile(struct builder *b)
{
	int rc = flatten(b);

	for (unsigned group = 0; rc == 0 && group < RS_GROUPS; group++)
		rc = compile_group(b, group);
	return rc;
}
