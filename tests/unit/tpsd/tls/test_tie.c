/* SPDX-License-Identifier: Apache-2.0 */
/* What a server hears in a client's name. */
#include "tpsd/tls/tie.h"

#include <openssl/err.h>

#include "lib/base/err.h"
#include "tests/unit/unit.h"
#include "tpsd/tls/accel.h"

static struct tls_capability cap;
static OSSL_PROVIDER *accel, *defaults;

/* With the providers of a worker. */
static int probe(void **state)
{
	accel = accel_load();
	defaults = OSSL_PROVIDER_load(NULL, "default");
	if (!accel || !defaults || accel_start(accel) != 0)
		return -1;
	return tls_capability_probe(&cap);
}

static int unload(void **state)
{
	accel_unload(accel);
	OSSL_PROVIDER_unload(defaults);
	return 0;
}

/* The ClientHello that an SSL writes first. */
struct heard {
	uint8_t bytes[4096], scratch[CLIENTHELLO_MAX];
	struct clienthello hello;
};

static void hear(SSL_CTX *ctx, struct heard *ret)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(ctx);
	int len;

	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	len = BIO_read(out, ret->bytes, sizeof(ret->bytes));
	assert_true(len > 0);
	assert_int_equal(clienthello_parse(ret->bytes, (size_t)len, ret->scratch, &ret->hello), 0);
	SSL_free(ssl);
	ERR_clear_error();
}

struct wish {
	int min, max;
	const char *suites, *suites13, *groups, *sigalgs;
	bool fallback;
};

static void ask_for(const struct wish *w, struct heard *ret)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, w->min);
	SSL_CTX_set_max_proto_version(ctx, w->max);
	assert_int_equal(SSL_CTX_set_cipher_list(ctx, w->suites), 1);
	assert_int_equal(SSL_CTX_set_ciphersuites(ctx, w->suites13), 1);
	if (w->groups)
		assert_int_equal(SSL_CTX_set1_groups_list(ctx, w->groups), 1);
	if (w->sigalgs)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, w->sigalgs), 1);
	if (w->fallback)
		SSL_CTX_set_mode(ctx, SSL_MODE_SEND_FALLBACK_SCSV);
	hear(ctx, ret);
	SSL_CTX_free(ctx);
}

static struct tls_selection selection_of(enum config_preset preset)
{
	struct config_tls_side side = {.protocols = CONFIG_BIT(CONFIG_TLS1_2) |
	                                            CONFIG_BIT(CONFIG_TLS1_3),
	                               .key_exchange = ~0u,
	                               .authentication = ~0u,
	                               .bulk = ~0u,
	                               .mac = ~0u};
	struct tls_selection sel;

	if (preset == CONFIG_PRESET_SEED_COMPATIBLE)
		side.protocols |= CONFIG_BIT(CONFIG_TLS1_0) | CONFIG_BIT(CONFIG_TLS1_1);
	else
		side.mac = CONFIG_BIT(CONFIG_MAC_GCM) | CONFIG_BIT(CONFIG_MAC_POLY1305);
	assert_int_equal(tls_select(&side, &cap, &sel), 0);
	return sel;
}

static bool same_list(const struct clienthello_view *a, const struct clienthello_view *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void the_server_hears_what_the_client_said(void **state)
{
	static const struct wish wishes[] = {
	        {TLS1_2_VERSION, TLS1_3_VERSION,
	         "ECDHE-RSA-AES128-GCM-SHA256:"
	         "ECDHE-ECDSA-AES256-GCM-SHA384",
	         "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "P-384:X25519",
	         "rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256", false},
	        {TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", "", "P-256:P-384",
	         "rsa_pkcs1_sha256", true},
	        {TLS1_3_VERSION, TLS1_3_VERSION, "ECDHE-RSA-AES128-GCM-SHA256",
	         "TLS_CHACHA20_POLY1305_SHA256", "X25519", "ed25519:rsa_pss_rsae_sha512", false},
	        {TLS1_VERSION, TLS1_1_VERSION, "AES128-SHA:ECDHE-RSA-AES256-SHA", "", NULL, NULL,
	         false},
	};
	struct tls_selection sel = selection_of(CONFIG_PRESET_SEED_COMPATIBLE);
	const struct tls_context_options o = {.selection = &sel};
	struct tie_cache *tc = tie_cache_create(&o);
	static struct heard said, heard;

	for (size_t i = 0; i < SL_ARRAY_LEN(wishes); i++) {
		struct tls_offer offer;
		uint8_t digest[TIE_DIGEST_LEN];
		SSL_CTX *ctx;

		ask_for(&wishes[i], &said);
		tls_offer_read(&said.hello, &offer);
		assert_int_equal(offer.fallback, wishes[i].fallback);
		assert_int_equal(tie_cache_get(tc, &offer, &ctx, digest), 0);
		hear(ctx, &heard);
		assert_int_equal(heard.hello.versions, said.hello.versions);
		assert_true(same_list(&heard.hello.suites, &said.hello.suites));
		assert_true(same_list(&heard.hello.groups, &said.hello.groups));
		assert_true(same_list(&heard.hello.sigalgs, &said.hello.sigalgs));
	}
	tie_cache_destroy(tc);
}

/* A client of another library, since ours would not say it this way. */
static void a_client_with_p_256_alone_is_heard_with_it(void **state)
{
	struct tls_selection sel = selection_of(CONFIG_PRESET_MODERN);
	const struct tls_context_options o = {.selection = &sel};
	const struct tls_offer offer = {.protocols = CLIENTHELLO_TLS1_2,
	                                .suites = {0xc02b, 0xc02f},
	                                .suites_count = 2,
	                                .groups = {1}, /* the second row of tie.def */
	                                .groups_count = 1};
	struct tie_cache *tc = tie_cache_create(&o);
	static struct heard heard;
	uint8_t digest[TIE_DIGEST_LEN];
	SSL_CTX *ctx;

	assert_int_equal(tie_cache_get(tc, &offer, &ctx, digest), 0);
	hear(ctx, &heard);
	assert_true(heard.hello.groups.len >= 2);
	assert_int_equal(heard.hello.groups.data[1], 23);
	assert_true(clienthello_list_has(&heard.hello.suites, 0xc02b));
	tie_cache_destroy(tc);
}

static void what_the_proxy_forbids_is_left_out(void **state)
{
	const struct wish wish = {TLS1_VERSION,
	                          TLS1_3_VERSION,
	                          "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA256",
	                          "TLS_AES_128_GCM_SHA256",
	                          NULL,
	                          NULL,
	                          false};
	const struct wish old = {TLS1_VERSION, TLS1_1_VERSION, "AES128-SHA", "", NULL, NULL, false};
	struct tls_selection sel = selection_of(CONFIG_PRESET_MODERN);
	const struct tls_context_options o = {.selection = &sel};
	struct tie_cache *tc = tie_cache_create(&o);
	static struct heard said, heard;
	uint8_t digest[TIE_DIGEST_LEN];
	struct tls_offer offer;
	SSL_CTX *ctx;

	ask_for(&wish, &said);
	tls_offer_read(&said.hello, &offer);
	assert_int_equal(tie_cache_get(tc, &offer, &ctx, digest), 0);
	hear(ctx, &heard);
	assert_int_equal(heard.hello.versions, CLIENTHELLO_TLS1_2 | CLIENTHELLO_TLS1_3);
	assert_true(clienthello_list_has(&heard.hello.suites, 0xc02f));
	assert_false(clienthello_list_has(&heard.hello.suites, 0x002f));
	ask_for(&old, &said);
	tls_offer_read(&said.hello, &offer);
	assert_int_equal(tie_cache_get(tc, &offer, &ctx, digest), SL_EMISMATCH);
	tie_cache_destroy(tc);
}

static void clients_of_one_kind_share_a_context_and_made_up_offers_stay_few(void **state)
{
	struct tls_selection sel = selection_of(CONFIG_PRESET_MODERN);
	const struct tls_context_options o = {.selection = &sel};
	struct tie_cache *tc = tie_cache_create(&o);
	struct tls_offer offer = {.protocols = CLIENTHELLO_TLS1_3,
	                          .suites = {0x1301},
	                          .suites_count = 1,
	                          .groups_count = 1};
	uint8_t first[TIE_DIGEST_LEN], digest[TIE_DIGEST_LEN];
	SSL_CTX *one, *two;

	assert_int_equal(tie_cache_get(tc, &offer, &one, first), 0);
	assert_int_equal(tie_cache_get(tc, &offer, &two, digest), 0);
	assert_ptr_equal(one, two);
	assert_memory_equal(first, digest, sizeof(first));
	for (unsigned i = 0; i < 4 * TIE_CONTEXTS_MAX; i++) {
		struct tls_offer other = offer;

		other.sigalgs_count = 2; /* two different rows */
		other.sigalgs[0] = (uint8_t)(i % 14);
		other.sigalgs[1] = (uint8_t)((i + 1 + i / 14 % 13) % 14);
		assert_int_equal(tie_cache_get(tc, &other, &two, digest), 0);
		assert_memory_not_equal(first, digest, sizeof(first));
		/* In use meanwhile, so it stays. */
		assert_int_equal(tie_cache_get(tc, &offer, &two, digest), 0);
		assert_ptr_equal(one, two);
	}
	tie_cache_destroy(tc);
}

static void ecdsa_leaves_are_for_clients_that_take_them(void **state)
{
	struct tls_selection sel = selection_of(CONFIG_PRESET_MODERN);
	static struct heard said;
	struct tls_offer offer;
	struct wish wish = {TLS1_2_VERSION,
	                    TLS1_3_VERSION,
	                    "ECDHE-RSA-AES128-GCM-SHA256",
	                    "TLS_AES_128_GCM_SHA256",
	                    "X25519:P-256",
	                    "rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256",
	                    false};

	ask_for(&wish, &said);
	tls_offer_read(&said.hello, &offer);
	assert_true(tls_offer_takes_ecdsa(&offer, &sel, TLS1_3_VERSION));
	assert_false(tls_offer_takes_ecdsa(&offer, &sel, TLS1_2_VERSION));
	wish.suites = "ECDHE-ECDSA-AES128-GCM-SHA256";
	ask_for(&wish, &said);
	tls_offer_read(&said.hello, &offer);
	assert_true(tls_offer_takes_ecdsa(&offer, &sel, TLS1_2_VERSION));
	wish.groups = "X25519";
	ask_for(&wish, &said);
	tls_offer_read(&said.hello, &offer);
	assert_false(tls_offer_takes_ecdsa(&offer, &sel, TLS1_2_VERSION));
	wish.sigalgs = "rsa_pss_rsae_sha256";
	ask_for(&wish, &said);
	tls_offer_read(&said.hello, &offer);
	assert_false(tls_offer_takes_ecdsa(&offer, &sel, TLS1_3_VERSION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_server_hears_what_the_client_said),
	        cmocka_unit_test(a_client_with_p_256_alone_is_heard_with_it),
	        cmocka_unit_test(what_the_proxy_forbids_is_left_out),
	        cmocka_unit_test(clients_of_one_kind_share_a_context_and_made_up_offers_stay_few),
	        cmocka_unit_test(ecdsa_leaves_are_for_clients_that_take_them),
	};

	return cmocka_run_group_tests(tests, probe, unload);
}
