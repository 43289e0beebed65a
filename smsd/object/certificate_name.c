/* SPDX-License-Identifier: Apache-2.0 */
/* Names of certificates: a certificate here becomes a row of a device's document under its name. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/name.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

/* R76: the names of CA certificates are stricter. */
static bool is_strict(enum object_kind kind)
{
	return kind == OBJECT_CA_CERTIFICATE;
}

static size_t max_of(enum object_kind kind)
{
	return is_strict(kind) ? CONF_NAME_SHORT : CONF_NAME_LONG;
}

static bool is_reserved(enum object_kind kind, const char *name)
{
	return is_strict(kind) && strcmp(name, "ca") == 0;
}

int name_check(enum object_kind kind, const char *name, struct problem *problem)
{
	if (strnlen(name, max_of(kind) + 1) > max_of(kind))
		return problem_add(problem, SL_EINVAL, "/name", "shorten it",
		                   "a name has at most %zu characters", max_of(kind));
	if (!conf_is_name(name, !is_strict(kind)))
		return problem_add(problem, SL_EINVAL, "/name",
		                   is_strict(kind)
		                           ? "use letters, digits, \"_\", \"-\" and spaces within"
		                           : "use letters, digits, \"_\", \"-\", \".\" and spaces "
		                             "within",
		                   "\"%.128s\" is not possible as a name", name);
	if (is_reserved(kind, name))
		return problem_add(problem, SL_EINVAL, "/name", "choose another name",
		                   "the name \"ca\" is reserved");
	return 0;
}

/* Spaces may stand within only. */
static void trim(char *name)
{
	size_t lead = strspn(name, " ");
	size_t len = strlen(name + lead);

	memmove(name, name + lead, len + 1);
	while (len > 0 && name[len - 1] == ' ')
		name[--len] = '\0';
}

void name_make(enum object_kind kind, const char *text, const char *fallback,
               char ret_name[OBJECT_NAME_MAX])
{
	char one[2] = "";
	size_t len = 0;

	for (; *text && len < max_of(kind); text++) {
		one[0] = *text;
		/* Bytes inside of a character of UTF-8 are passed over: one "_" for it is enough.
		 */
		if (((unsigned char)*text & 0xc0) == 0x80)
			continue;
		ret_name[len++] = *text == ' ' || conf_is_name(one, !is_strict(kind)) ? *text : '_';
	}
	ret_name[len] = '\0';
	trim(ret_name);
	if (ret_name[0] == '\0' || is_reserved(kind, ret_name))
		(void)snprintf(ret_name, OBJECT_NAME_MAX, "%s", fallback);
}

void name_join(enum object_kind kind, const char *base, const char *tail,
               char ret_name[OBJECT_NAME_MAX])
{
	size_t tail_len = SL_MIN(strlen(tail), max_of(kind) / 2);
	size_t base_len = SL_MIN(strlen(base), max_of(kind) - tail_len);

	(void)snprintf(ret_name, OBJECT_NAME_MAX, "%.*s%.*s", (int)base_len, base, (int)tail_len,
	               tail);
	trim(ret_name);
}

static int found(void *arg, const struct store_row *row)
{
	*(bool *)arg = true;
	return 1;
}

static int is_taken(struct store_tx *tx, enum object_kind kind, const char *name, bool *ret_taken)
{
	const struct store_value values[] = {store_text(object_kind_name(kind)), store_text(name)};
	int rc;

	*ret_taken = false;
	rc = store_tx_run(tx, STORE_OBJECT_BY_NAME, values, 2, found, ret_taken);
	return rc < 0 ? rc : 0;
}

int name_free(struct store_tx *tx, enum object_kind kind, const char *base, const char *separator,
              unsigned first, char ret_name[OBJECT_NAME_MAX], struct problem *problem)
{
	char tail[32] = "";
	bool taken = true;

	for (unsigned n = first; n < NAME_TRIES_MAX; n++) {
		int rc;

		name_join(kind, base, tail, ret_name);
		rc = is_taken(tx, kind, ret_name, &taken);
		if (rc != 0 || !taken)
			return rc;
		(void)snprintf(tail, sizeof(tail), "%s%u", separator, n);
	}
	return problem_add(problem, SL_ELIMIT, "/name", "choose another name",
	                   "there are too many objects whose names begin with \"%.64s\"", base);
}

int comment_check(const char *comment, struct problem *problem)
{
	if (!comment)
		return 0;
	if (strnlen(comment, OBJECT_COMMENT_MAX + 1) > OBJECT_COMMENT_MAX)
		return problem_add(problem, SL_EINVAL, "/comment", "shorten it",
		                   "a comment has at most %d bytes", OBJECT_COMMENT_MAX);
	for (const char *c = comment; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return problem_add(problem, SL_EINVAL, "/comment",
			                   "write it in one line of text",
			                   "the comment has a control character");
	return 0;
}
