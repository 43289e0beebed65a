/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a device's document as a file: for editors, and for whoever writes documents. */
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/doc.h"
#include "lib/conf/object.h"

int conf_doc_json_schema(struct buf *out)
{
	json_t *schema = conf_object_json_schema(&conf_schema);
	json_t *whole =
	        json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
	                  "title", "Configuration of tpsd");
	char *text = NULL;
	int rc = SL_ENOMEM;

	if (schema && whole && json_object_update(whole, schema) == 0)
		text = json_dumps(whole, JSON_INDENT(2));
	if (text)
		rc = buf_printf(out, "%s\n", text);
	free(text);
	json_decref(schema);
	json_decref(whole);
	return rc;
}
