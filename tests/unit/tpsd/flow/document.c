/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tpsd/flow/document.h"

#include "lib/base/buf.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "tests/unit/unit.h"

struct config *document_build(const char *text)
{
	struct conf_document *doc = NULL;
	struct conf_errors errs;
	struct config *config = NULL;
	struct buf said;

	conf_errors_init(&errs);
	buf_init(&said, 65536);
	if (conf_load_yaml("test", text, strlen(text), &errs, &doc) ||
	    config_build(conf_document_root(doc), &errs, &config)) {
		(void)!conf_errors_print(&errs, &said);
		fail_msg("%s", buf_text(&said));
	}
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
	buf_fini(&said);
	return config;
}
