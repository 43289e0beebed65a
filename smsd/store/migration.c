/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/store/migration.h"

#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/schema.h"

/* What the word at `at` stands for, and its length; NULL for none of them. */
static const char *word_at(const char *at, const struct migration_words *words, size_t *ret_len)
{
	const struct {
		const char *word, *text;
	} all[] = {{"@ID@", words->id}, {"@INT@", words->integer}, {"@BYTES@", words->bytes}};

	for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
		*ret_len = strlen(all[i].word);
		if (strncmp(at, all[i].word, *ret_len) == 0)
			return all[i].text;
	}
	return NULL;
}

int migration_spell(const char *text, const struct migration_words *words, struct buf *out)
{
	int code = 0;

	while (*text != '\0' && code == 0) {
		size_t len = strcspn(text, "@");
		const char *word;

		if (len > 0) {
			code = buf_add(out, text, len);
			text += len;
			continue;
		}
		word = word_at(text, words, &len);
		if (!word)
			len = 1;
		code = word ? buf_add(out, word, strlen(word)) : buf_add(out, text, 1);
		text += len;
	}
	return code;
}

int migration_check_version(int64_t version, const struct store_schema *schema,
                            struct problem *problem)
{
	if (version <= (int64_t)schema->migration_count)
		return 0;
	return problem_add(problem, SL_EREFUSED, "", "install the newer smsd again",
	                   "the database was made by a newer smsd (version %lld; this one "
	                   "knows %zu)",
	                   (long long)version, schema->migration_count);
}
