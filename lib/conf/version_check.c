/* SPDX-License-Identifier: Apache-2.0 */
/* Which version a document is of, and whether it is read. */
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "lib/conf/value.h"
#include "lib/conf/version.h"

enum { REMEDY_MAX = 128 };

const char *conf_versions_text(char text[CONF_VERSIONS_TEXT_MAX])
{
	const uint32_t oldest = conf_version_oldest(), newest = conf_version();

	if (oldest == newest)
		(void)snprintf(text, CONF_VERSIONS_TEXT_MAX, "version %" PRIu32, newest);
	else
		(void)snprintf(text, CONF_VERSIONS_TEXT_MAX, "versions %" PRIu32 " and %" PRIu32,
		               oldest, newest);
	return text;
}

int conf_version_of(const struct conf_node *root, struct conf_errors *errs, uint32_t *ret_version)
{
	const struct conf_node *node =
	        root->kind == CONF_MAP ? conf_node_find(root, "version") : NULL;
	char versions[CONF_VERSIONS_TEXT_MAX], remedy[REMEDY_MAX];
	uint64_t version;

	*ret_version = conf_version();
	if (!node || node->kind != CONF_SCALAR || value_parse_uint(node->value, &version) != 0)
		return 0;
	if (version >= conf_version_oldest() && version <= conf_version()) {
		*ret_version = (uint32_t)version;
		return 0;
	}
	if (version > conf_version())
		(void)snprintf(remedy, sizeof(remedy),
		               "bring Sluice up to date, or write a document of version %" PRIu32,
		               conf_version());
	else
		(void)snprintf(remedy, sizeof(remedy),
		               "set \"version: %" PRIu32
		               "\" and see docs/configuration.md for what it has",
		               conf_version());
	return conf_errors_add(errs, node, SL_EUNSUPPORTED, remedy,
	                       "the document is of version %" PRIu64 "; this build reads %s",
	                       version, conf_versions_text(versions));
}
