/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: licence.json, as it is in a package behind its signature. */
#include <jansson.h>
#include <stdlib.h>

#include "lib/conf/error.h"
#include "lib/licence/licence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct licence_verdict v;
	struct licence_terms terms;
	struct conf_errors errs;
	json_t *licence;
	char text[64];

	conf_errors_init(&errs);
	if (licence_read(data, size, &errs, &licence) == 0) {
		(void)licence_names(licence, text, sizeof(text));
		if (licence_find(licence, "edge-1", &terms))
			for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++) {
				licence_judge(&terms.of[c], 1790000000, &v);
				json_decref(licence_describe(c, &v));
			}
		json_decref(licence);
	} else if (errs.refusals == 0) {
		abort();
	}
	conf_errors_fini(&errs);
	return 0;
}
