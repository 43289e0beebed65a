/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/narrow.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/log.h"

#define NARROW_NAME "narrow"

enum { DECODERS_MAX = 32 };

/* Of the process: what was fetched through it may live longer than who loaded it. */
static struct {
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *defaults;
	OSSL_ALGORITHM decoders[DECODERS_MAX + 1];
} narrow;

static bool reads_public_keys(const OSSL_ALGORITHM *decoder)
{
	const char *properties = decoder->property_definition;

	return strstr(properties, "input=der") &&
	       strstr(properties, "structure=SubjectPublicKeyInfo");
}

static void choose_decoders(void)
{
	int no_cache;
	size_t n = 0;
	const OSSL_ALGORITHM *a =
	        OSSL_PROVIDER_query_operation(narrow.defaults, OSSL_OP_DECODER, &no_cache);

	for (; a && a->algorithm_names && n < DECODERS_MAX; a++)
		if (reads_public_keys(a))
			narrow.decoders[n++] = *a;
}

/* The context that these are called with is the default provider's own, as its functions want it.
 */
static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
	*no_cache = 0;
	if (operation == OSSL_OP_DECODER)
		return narrow.decoders;
	return OSSL_PROVIDER_query_operation(narrow.defaults, operation, no_cache);
}

static void unquery_operation(void *provctx, int operation, const OSSL_ALGORITHM *algorithms)
{
	if (operation != OSSL_OP_DECODER)
		OSSL_PROVIDER_unquery_operation(narrow.defaults, operation, algorithms);
}

static int get_capabilities(void *provctx, const char *capability, OSSL_CALLBACK *callback,
                            void *arg)
{
	return OSSL_PROVIDER_get_capabilities(narrow.defaults, capability, callback, arg);
}

static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation},
        {OSSL_FUNC_PROVIDER_UNQUERY_OPERATION, (void (*)(void))unquery_operation},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))get_capabilities},
        {0, NULL},
};

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provctx)
{
	*provctx = OSSL_PROVIDER_get0_provider_ctx(narrow.defaults);
	*out = functions;
	return *provctx != NULL;
}

static void count(OSSL_DECODER *decoder, void *arg)
{
	++*(size_t *)arg;
}

static void warn_of_others(void)
{
	size_t all = 0, ours = 0;

	while (narrow.decoders[ours].algorithm_names)
		ours++;
	OSSL_DECODER_do_all_provided(NULL, count, &all);
	if (all > ours)
		log_warning("OpenSSL's default provider was in use before: %zu decoders are there "
		            "instead of %zu, and certificates of servers are read slowly",
		            all, ours);
}

OSSL_PROVIDER *narrow_load(void)
{
	OSSL_PROVIDER *loaded;

	if (!narrow.library)
		narrow.library = OSSL_LIB_CTX_new();
	if (narrow.library && !narrow.defaults) {
		narrow.defaults = OSSL_PROVIDER_load(narrow.library, "default");
		choose_decoders();
	}
	if (!narrow.defaults || !OSSL_PROVIDER_add_builtin(NULL, NARROW_NAME, provider_init))
		return NULL;
	loaded = OSSL_PROVIDER_load(NULL, NARROW_NAME);
	if (loaded)
		warn_of_others();
	return loaded;
}
