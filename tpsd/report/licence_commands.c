/* SPDX-License-Identifier: Apache-2.0 */
/* tps licence: show, check, install. The package comes as base64, since requests are JSON. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "tpsd/report/control.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/server.h"

/* NULL: it is no base64, or too long. free() frees. */
static uint8_t *unbase64(const char *text, size_t *ret_len)
{
	size_t chars = strlen(text);
	uint8_t *bytes = NULL;

	if (chars > 0 && chars <= BASE64_CHARS(LICENCE_MAX))
		bytes = malloc(BASE64_BYTES(chars) + 1);
	if (bytes && base64_decode(text, chars, bytes, LICENCE_MAX, ret_len) == 0)
		return bytes;
	free(bytes);
	return NULL;
}

/* NULL: the request was refused. */
static uint8_t *package_of(struct request *request, size_t *ret_len)
{
	const char *text = request_text(request, "text");
	uint8_t *bytes = text ? unbase64(text, ret_len) : NULL;

	if (!bytes)
		request_error(request, SL_EMALFORMED, "no licence came with the command",
		              "use 'tps licence' of this version");
	return bytes;
}

void handle_licence_show(struct request *request)
{
	request_ok(request, licensing_describe(request->control->licensing));
}

void handle_licence_install(struct request *request)
{
	struct licensing *licensing = request->control->licensing;
	struct pki_error err;
	size_t len;
	uint8_t *package = package_of(request, &len);
	int rc;

	if (!package)
		return;
	rc = licensing_install(licensing, package, len, true, &err);
	free(package);
	if (rc != 0)
		request_error(request, rc, err.text, err.remedy);
	else
		request_ok(request, licensing_describe(licensing));
}

void handle_licence_check(struct request *request)
{
	struct pki_error err;
	json_t *would;
	size_t len;
	uint8_t *package = package_of(request, &len);
	int rc;

	if (!package)
		return;
	rc = licensing_check(request->control->licensing, package, len, &would, &err);
	free(package);
	if (rc != 0)
		request_error(request, rc, err.text, err.remedy);
	else
		request_ok(request, would);
}
