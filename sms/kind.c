/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/kind.h"

#include <string.h>

static const struct kind kinds[] = {
#define X(word, collection, object) {word, collection, &(object)},
        SETTING_KINDS(X)
#undef X
};

const struct kind *kind_at(size_t index)
{
	return index < SL_ARRAY_LEN(kinds) ? &kinds[index] : NULL;
}

const struct kind *kind_find(const char *word)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return NULL;
}
