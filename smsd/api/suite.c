/* SPDX-License-Identifier: Apache-2.0 */
/* The list of cipher suites as a service (R51): selections in, suites out, by the device's rule. */
#include "lib/conf/suite.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/api/route.h"

enum { OK = 200 };

static int read_word(struct api_call *call, const char *key, const struct conf_choices *set,
                     const char *word, size_t len, unsigned *ret_value)
{
	for (size_t i = 0; i < set->count; i++) {
		const char *text = set->items[i].text;

		if (strlen(text) == len && memcmp(text, word, len) == 0) {
			*ret_value = (unsigned)i;
			return 0;
		}
	}
	return problem_add(&call->problem, SL_EINVAL, "", "docs/configuration.md lists them, Words",
	                   "%s does not take \"%.*s\"", key, (int)SL_MIN(len, 64U), word);
}

/* "TLSv1.2,TLSv1.3" as bits; 0 when nothing is said. */
static int read_set(struct api_call *call, const char *key, const char *set, uint32_t *ret_bits)
{
	char *text = http_query_value(call->request, key);
	const char *at = text;
	unsigned value = 0;
	int rc = 0;

	*ret_bits = 0;
	while (rc == 0 && at && *at) {
		size_t len = strcspn(at, ",");

		rc = read_word(call, key, conf_choices_find(set), at, len, &value);
		if (rc == 0)
			*ret_bits |= CONFIG_BIT(value);
		at += len + (at[len] == ',');
	}
	free(text);
	return rc;
}

static int read_preset(struct api_call *call, enum config_preset *ret_preset)
{
	char *text = http_query_value(call->request, "preset");
	unsigned value = CONFIG_PRESET_MODERN;
	int rc = text ? read_word(call, "preset", conf_choices_find("preset"), text, strlen(text),
	                          &value)
	              : 0;

	free(text);
	*ret_preset = (enum config_preset)value;
	return rc;
}

static int read_side(struct api_call *call, enum config_preset preset, struct config_tls_side *side)
{
	int rc = read_set(call, "protocols", "tls_protocol", &side->protocols);

	if (rc == 0)
		rc = read_set(call, "key_exchange", "key_exchange", &side->key_exchange);
	if (rc == 0)
		rc = read_set(call, "authentication", "authentication", &side->authentication);
	if (rc == 0)
		rc = read_set(call, "bulk", "bulk", &side->bulk);
	if (rc == 0)
		rc = read_set(call, "mac", "mac", &side->mac);
	if (rc == 0)
		conf_preset_fill(preset, side);
	return rc;
}

static json_t *suite_value(const struct conf_suite *suite, bool deselected)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:b}", "name", suite->name, "openssl",
	                 suite->openssl, "id", (int)suite->id, "first",
	                 conf_choice_text("tls_protocol", suite->first), "last",
	                 conf_choice_text("tls_protocol", suite->last), "deselected", deselected);
}

int api_cipher_suites(struct api_call *call)
{
	const struct conf_suite *suites[CONF_SUITES_MAX];
	struct config_tls_side side = {0};
	enum config_preset preset;
	json_t *items;
	size_t count;
	int rc = read_preset(call, &preset);

	if (rc == 0)
		rc = read_side(call, preset, &side);
	if (rc != 0)
		return rc;
	items = json_array();
	count = conf_suites_select(&side, suites);
	for (size_t i = 0; items && i < count; i++) {
		bool deselected = preset == CONFIG_PRESET_SEED_COMPATIBLE && !suites[i]->seed;

		if (json_array_append_new(items, suite_value(suites[i], deselected)) != 0)
			rc = SL_ENOMEM;
	}
	if (rc == 0)
		return api_answer(call, OK, json_pack("{s:o}", "items", items));
	json_decref(items);
	return rc;
}
