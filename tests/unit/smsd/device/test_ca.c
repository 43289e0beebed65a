/* SPDX-License-Identifier: Apache-2.0 */
/* The device CA, and what its port shows. */
#include <openssl/x509v3.h>

#include "lib/base/err.h"
#include "lib/pki/key.h"
#include "tests/unit/smsd/device/kit.h"

static void pin_of(struct kit *kit, uint8_t ret_pin[REMOTE_PIN])
{
	char token[REMOTE_TOKEN_MAX];
	struct remote_token parts;
	static char name[] = "a";

	name[0]++;
	assert_int_equal(device_create(kit->store, &place_actor, name, NULL, token, kit->problem),
	                 0);
	assert_int_equal(remote_token_parse(token, &parts), 0);
	memcpy(ret_pin, parts.pin, REMOTE_PIN);
}

static void test_it_is_made_once(void **state)
{
	struct kit *kit = *state;
	uint8_t before[REMOTE_PIN], after[REMOTE_PIN];
	bool exportable;

	pin_of(kit, before);
	kit_reopen(kit);
	pin_of(kit, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(place_audited(kit->place, "create", "device CA"), 1);
	assert_int_equal(vault_has(kit->store, before, &exportable), 0);
	assert_false(exportable);
}

static int drop_key(void *arg, struct store_tx *tx)
{
	return vault_drop(tx, arg);
}

static void test_without_its_key_nothing_begins(void **state)
{
	struct kit *kit = *state;
	uint8_t pin[REMOTE_PIN];

	pin_of(kit, pin);
	assert_int_equal(store_write(kit->store, drop_key, pin), 0);
	assert_int_equal(device_ca_open(kit->store, kit->vault, kit->problem), SL_ENOENT);
	assert_non_null(strstr(place_told(kit->place), "device CA's key"));
}

/* A device finds the key of its pin at the end of the chain, and a server's certificate before. */
static void test_the_port_shows_the_ca(void **state)
{
	struct kit *kit = *state;
	uint8_t pin[REMOTE_PIN], id[REMOTE_PIN];
	STACK_OF(X509) * chain;
	int64_t ends_ms;
	SSL_CTX *ctx;
	X509 *leaf, *ca;

	pin_of(kit, pin);
	assert_int_equal(device_ca_context(kit->store, kit->vault, &ctx, &ends_ms, kit->problem),
	                 0);
	leaf = SSL_CTX_get0_certificate(ctx);
	assert_int_equal(SSL_CTX_get0_chain_certs(ctx, &chain), 1);
	assert_int_equal(sk_X509_num(chain), 1);
	ca = sk_X509_value(chain, 0);
	assert_int_equal(pki_key_id(X509_get0_pubkey(ca), id), 0);
	assert_memory_equal(id, pin, sizeof(pin));
	assert_int_equal(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
	assert_int_equal(X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT, 0), 0);
	assert_int_equal(X509_check_purpose(ca, X509_PURPOSE_SSL_SERVER, 1), 1);
	assert_int_equal(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_PEER);
	SSL_CTX_free(ctx);
}

static void test_what_is_shown_is_made_again(void **state)
{
	struct kit *kit = *state;
	struct device_server later;
	int64_t ends_ms;
	SSL_CTX *ctx;

	assert_int_equal(device_ca_context(kit->store, kit->vault, &ctx, &ends_ms, kit->problem),
	                 0);
	place_wait(70 * 86400);
	assert_int_equal(device_server_make(kit->store, kit->vault, &later, kit->problem), 0);
	assert_true(later.ends_ms >= ends_ms + 69LL * 86400 * 1000);
	assert_int_not_equal(X509_cmp(SSL_CTX_get0_certificate(ctx), later.certificate), 0);
	assert_int_equal(device_server_show(&later, ctx), 0);
	assert_int_equal(X509_cmp(SSL_CTX_get0_certificate(ctx), later.certificate), 0);
	assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
	device_server_fini(&later);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	        TEST(test_it_is_made_once),
	        TEST(test_without_its_key_nothing_begins),
	        TEST(test_the_port_shows_the_ca),
	        TEST(test_what_is_shown_is_made_again),
#undef TEST
	};

	return RUN_TESTS(tests);
}
