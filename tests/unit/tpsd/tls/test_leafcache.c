/* SPDX-License-Identifier: Apache-2.0 */
/* Forged leaves in a worker: found again, bounded, their key shared, what does not fit refused. */
#include "tpsd/tls/leafcache.h"

#include <malloc.h>

#include "lib/base/err.h"
#include "lib/event/counter.h"
#include "tests/unit/tpsd/fixture.h"
#include "tpsd/tls/keyprov.h"

static struct env {
	struct loop *loop;
	struct keystore *ks;
	struct fixture_backend backend;
	struct keyprov *kp;
	struct fixture_cert ec, rsa; /* the pool */
	struct leafcache *lc;
} env;

static int open_env(void **state)
{
	env.loop = loop_create();
	env.ks = keystore_create();
	fixture_backend_init(&env.backend, env.loop, env.ks, 0);
	assert_int_equal(keyprov_create(&env.backend.backend, &env.kp), 0);
	fixture_cert_make(&env.ec, FIXTURE_EC, "DNS:a.test", NULL);
	fixture_cert_make(&env.rsa, FIXTURE_RSA, "DNS:a.test", NULL);
	env.lc = leafcache_create(3);
	assert_non_null(env.lc);
	return 0;
}

static int close_env(void **state)
{
	leafcache_destroy(env.lc);
	fixture_cert_free(&env.ec);
	fixture_cert_free(&env.rsa);
	keyprov_destroy(env.kp);
	keystore_destroy(env.ks);
	loop_destroy(env.loop);
	return 0;
}

static struct leaf_name named(unsigned n)
{
	struct leaf_name name = {.trusted = 1, .kind = PKI_ECDSA};

	memcpy(name.print, &n, sizeof(n));
	return name;
}

/* What `keys` answers: key id, then a certificate with `serial`, which lives for `seconds` more. */
static size_t answer(const struct fixture_cert *pool, long serial, long seconds, uint8_t out[4096])
{
	X509 *x = X509_dup(pool->leaf);
	uint8_t *end = out + KEY_ID_LEN;

	assert_int_equal(keystore_key_id(pool->key, out), 0);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	assert_true(X509_sign(x, pool->key, EVP_sha256()) > 0);
	assert_true(i2d_X509(x, &end) > 0);
	X509_free(x);
	return (size_t)(end - out);
}

static struct leaf *put(unsigned n)
{
	struct leaf_name name = named(n);
	struct leaf *l = NULL;
	uint8_t data[4096];
	size_t len = answer(&env.ec, 1000 + n, 3600, data);

	assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l), 0);
	return l;
}

static bool has(unsigned n)
{
	struct leaf_name name = named(n);
	struct leaf *l = leafcache_get(env.lc, &name);

	leaf_put(l);
	return l != NULL;
}

static void a_leaf_is_found_by_all_of_its_name(void **state)
{
	static struct counter_slab counters;
	struct leaf *l = put(1), *again;
	struct leaf_name name = named(1);
	char serial[TLS_CERTIFICATE_SERIAL_MAX] = "03E9";

	leafcache_count_in(env.lc, &counters);
	again = leafcache_get(env.lc, &name);
	assert_ptr_equal(again, l);
	assert_string_equal(l->certificate.serial, serial);
	assert_true(l->certificate.ecdsa);
	leaf_put(again);
	leaf_put(l);
	name.kind = PKI_RSA;
	assert_null(leafcache_get(env.lc, &name));
	name = named(1);
	name.trusted = 0;
	assert_null(leafcache_get(env.lc, &name));
	name = named(1);
	name.issuer[31] = 1;
	assert_null(leafcache_get(env.lc, &name));
	name = named(1);
	name.print[31] = 1;
	assert_null(leafcache_get(env.lc, &name));
	assert_int_equal(counters.values[COUNTER_leaf_cache_hits], 1);
}

static void the_one_used_longest_ago_goes(void **state)
{
	for (unsigned n = 1; n <= 3; n++)
		leaf_put(put(n));
	assert_true(has(1)); /* 2 is the oldest now */
	leaf_put(put(4));
	assert_int_equal(leafcache_count(env.lc), 3);
	assert_true(has(1));
	assert_false(has(2));
	assert_true(has(3));
	assert_true(has(4));
	leafcache_set_max(env.lc, 1);
	assert_int_equal(leafcache_count(env.lc), 1);
	assert_true(has(4));
	leafcache_set_max(env.lc, 1000);
	assert_true(has(4));
	for (unsigned n = 10; n < 40; n++)
		leaf_put(put(n));
	assert_int_equal(leafcache_count(env.lc), 31);
	leafcache_clear(env.lc);
	assert_int_equal(leafcache_count(env.lc), 0);
	assert_false(has(4));
}

static void a_session_keeps_its_leaf_after_the_cache_let_it_go(void **state)
{
	struct leaf *l = put(1);

	leafcache_set_max(env.lc, 0);
	leaf_put(put(2)); /* none is kept */
	assert_int_equal(leafcache_count(env.lc), 0);
	leafcache_destroy(env.lc);
	env.lc = NULL;
	assert_int_equal(l->refs, 1);
	assert_non_null(l->certificate.key);
	leaf_put(l);
}

static void a_name_put_again_has_the_newer_leaf(void **state)
{
	struct leaf_name name = named(1);
	struct leaf *old = put(1), *l = NULL, *found;
	uint8_t data[4096];
	size_t len = answer(&env.ec, 77, 3600, data);

	assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l), 0);
	found = leafcache_get(env.lc, &name);
	assert_ptr_equal(found, l);
	assert_memory_not_equal(old->digest, l->digest, 32);
	assert_int_equal(leafcache_count(env.lc), 1);
	leaf_put(found);
	leaf_put(l);
	leaf_put(old);
}

static void a_leaf_whose_time_is_over_is_not_given(void **state)
{
	struct leaf_name name = named(1);
	struct leaf *l;
	uint8_t data[4096];
	size_t len = answer(&env.ec, 5, -60, data);

	assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l), 0);
	leaf_put(l);
	assert_null(leafcache_get(env.lc, &name));
	assert_int_equal(leafcache_count(env.lc), 0);
	/* The untrusted CA shows an expired site as expired. */
	name.trusted = 0;
	assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l), 0);
	leaf_put(l);
	l = leafcache_get(env.lc, &name);
	assert_non_null(l);
	leaf_put(l);
}

static void leaves_of_a_pool_share_its_key(void **state)
{
	struct leaf *a = put(1), *b = put(2), *c;
	struct leaf_name name = named(3);
	STACK_OF(X509) *chain = sk_X509_new_null();
	uint8_t data[4096];
	size_t len = answer(&env.rsa, 6, 3600, data);

	sk_X509_push(chain, env.rsa.leaf);
	assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, chain, &c), 0);
	sk_X509_free(chain);
	assert_ptr_equal(a->certificate.key, b->certificate.key);
	assert_ptr_not_equal(a->certificate.key, c->certificate.key);
	assert_false(c->certificate.ecdsa);
	assert_ptr_equal(sk_X509_value(c->certificate.chain, 0), env.rsa.leaf);
	leaf_put(a);
	leaf_put(b);
	leaf_put(c);
}

static int try_put(const uint8_t *data, size_t len)
{
	struct leaf_name name = named(9);
	struct leaf *l = NULL;
	int rc = leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l);

	assert_null(l);
	assert_int_equal(leafcache_count(env.lc), 0);
	return rc;
}

static void leaves_of_a_pool_that_is_gone_are_forgotten(void **state)
{
	struct leaf_name name = named(7);
	uint8_t data[4096], keys[2][KEY_ID_LEN] = {{1}};
	struct leaf *l = NULL;
	size_t len = answer(&env.rsa, 1007, 3600, data);

	leaf_put(put(6));
	assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l), 0);
	assert_int_equal(keystore_key_id(env.rsa.key, keys[1]), 0);
	leafcache_keep_keys(env.lc, (const uint8_t(*)[KEY_ID_LEN])keys, 2);
	assert_int_equal(leafcache_count(env.lc), 1);
	assert_true(has(7));
	leafcache_keep_keys(env.lc, NULL, 0);
	assert_int_equal(leafcache_count(env.lc), 0);
	leaf_put(l);
}

static void what_is_no_leaf_is_refused(void **state)
{
	uint8_t data[4096];
	size_t len = answer(&env.ec, 1, 3600, data);

	assert_int_equal(try_put(data, 0), SL_EMALFORMED);
	assert_int_equal(try_put(data, KEY_ID_LEN), SL_EMALFORMED);
	assert_int_equal(try_put(data, len - 1), SL_EMALFORMED);
	data[len] = 0;
	assert_int_equal(try_put(data, len + 1), SL_EMALFORMED);
	data[0] ^= 1; /* another key than said */
	assert_int_equal(try_put(data, len), SL_EMALFORMED);
	data[0] ^= 1;
	data[KEY_ID_LEN] ^= 1;
	assert_int_equal(try_put(data, len), SL_EMALFORMED);
}

static void a_leaf_costs_some_kilobytes(void **state)
{
	enum { MANY = 500 };
	size_t before, bytes;

	leafcache_set_max(env.lc, MANY);
	leaf_put(put(0)); /* the pool's key, and what OpenSSL keeps for good */
	before = mallinfo2().uordblks;
	for (unsigned n = 1; n < MANY; n++)
		leaf_put(put(n));
	bytes = (mallinfo2().uordblks - before) / (MANY - 1);
	print_message("bytes a leaf: %zu\n", bytes);
	assert_in_range(bytes, 0, 8192);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_env, close_env)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_leaf_is_found_by_all_of_its_name),
	        CASE(the_one_used_longest_ago_goes),
	        CASE(a_session_keeps_its_leaf_after_the_cache_let_it_go),
	        CASE(a_name_put_again_has_the_newer_leaf),
	        CASE(a_leaf_whose_time_is_over_is_not_given),
	        CASE(leaves_of_a_pool_share_its_key),
	        CASE(leaves_of_a_pool_that_is_gone_are_forgotten),
	        CASE(what_is_no_leaf_is_refused),
	        CASE(a_leaf_costs_some_kilobytes),
	};

	return RUN_TESTS(tests);
}
