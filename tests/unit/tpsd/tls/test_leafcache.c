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
	struct fixture_cert ec, rsa; /* the pool; RSA: make_rsa() */
	struct leafcache *lc;
} env;

static int open_env(void **state)
{
	env.loop = loop_create();
	env.ks = keystore_create();
	fixture_backend_init(&env.backend, env.loop, env.ks, 0);
	assert_int_equal(keyprov_create(&env.backend.backend, &env.kp), 0);
	fixture_cert_make(&env.ec, FIXTURE_EC, "DNS:a.test", NULL);
	env.rsa = (struct fixture_cert){.key = NULL};
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

/* It takes a quarter of a second, and few tests need it. */
static void make_rsa(void)
{
	fixture_cert_make(&env.rsa, FIXTURE_RSA, "DNS:a.test", NULL);
}

static struct leaf_name named(unsigned n)
{
	struct leaf_name name = {.trusted = 1, .kind = PKI_ECDSA};

	memcpy(name.print, &n, sizeof(n));
	return name;
}

/* What `keys` answers: key id, then a certificate with `serial`, which lives for `seconds` more. */
static size_t answer_in(const struct fixture_cert *pool, long serial, long seconds, uint8_t *out,
                        size_t size)
{
	X509 *x = X509_dup(pool->leaf);
	uint8_t *end = out + KEY_ID_LEN;

	assert_int_equal(keystore_key_id(pool->key, out), 0);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	assert_true(X509_sign(x, pool->key, EVP_sha256()) > 0);
	assert_true(i2d_X509(x, NULL) <= (int)(size - KEY_ID_LEN));
	assert_true(i2d_X509(x, &end) > 0);
	X509_free(x);
	return (size_t)(end - out);
}

static size_t answer(const struct fixture_cert *pool, long serial, long seconds, uint8_t out[4096])
{
	return answer_in(pool, serial, seconds, out, 4096);
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

/* As many leaves as that, all of the same bytes. */
static void put_many(unsigned first, unsigned count)
{
	uint8_t data[4096];
	size_t len = answer(&env.ec, 2000, 3600, data);

	for (unsigned n = first; n < first + count; n++) {
		struct leaf_name name = named(n);
		struct leaf *l = NULL;

		assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l), 0);
		leaf_put(l);
	}
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
	size_t len;

	make_rsa();
	len = answer(&env.rsa, 6, 3600, data);
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
	size_t len;

	make_rsa();
	len = answer(&env.rsa, 1007, 3600, data);
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

static void a_leaf_that_is_kept_as_bytes_is_the_same_leaf(void **state)
{
	enum { MANY = LEAFCACHE_PARSED_MAX + 40 };
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct leaf_name name = named(0);
	struct leaf *first = NULL, *again;
	uint8_t data[4096];
	size_t len = answer(&env.ec, 1000, 3600, data);

	leafcache_set_max(env.lc, MANY);
	sk_X509_push(chain, env.ec.leaf);
	assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, chain, &first), 0);
	sk_X509_free(chain);
	put_many(1, MANY - 1);
	assert_int_equal(leafcache_count(env.lc), MANY);
	assert_int_equal(leafcache_parsed(env.lc), LEAFCACHE_PARSED_MAX);
	assert_int_equal(first->refs, 1); /* ours alone */
	again = leafcache_get(env.lc, &name);
	assert_non_null(again);
	assert_ptr_not_equal(again, first);
	assert_int_equal(X509_cmp(again->certificate.leaf, first->certificate.leaf), 0);
	assert_memory_equal(again->digest, first->digest, sizeof(first->digest));
	assert_memory_equal(&again->name, &name, sizeof(name));
	assert_string_equal(again->certificate.serial, first->certificate.serial);
	assert_ptr_equal(again->certificate.key, first->certificate.key);
	assert_int_equal(sk_X509_num(again->certificate.chain), 1);
	assert_ptr_equal(sk_X509_value(again->certificate.chain, 0), env.ec.leaf);
	leaf_put(first);
	first = leafcache_get(env.lc, &name); /* there again */
	assert_ptr_equal(first, again);
	leaf_put(first);
	leaf_put(again);
	assert_int_equal(leafcache_parsed(env.lc), LEAFCACHE_PARSED_MAX);
	leafcache_set_max(env.lc, 10);
	assert_int_equal(leafcache_parsed(env.lc), 10);
	leafcache_clear(env.lc);
	assert_int_equal(leafcache_parsed(env.lc), 0);
}

static void leaves_of_many_chains_have_each_their_own(void **state)
{
	enum { MANY = 40 };
	struct fixture_cert issuers[MANY];

	leafcache_set_max(env.lc, MANY);
	for (unsigned n = 0; n < MANY; n++) {
		STACK_OF(X509) *chain = sk_X509_new_null();
		struct leaf_name name = named(n);
		uint8_t data[4096];
		size_t len = answer(&env.ec, 1000 + n, 3600, data);
		struct leaf *l = NULL;

		fixture_ca_make(&issuers[n], FIXTURE_EC, "An issuer");
		sk_X509_push(chain, issuers[n].leaf);
		assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, chain, &l), 0);
		sk_X509_free(chain);
		leaf_put(l);
	}
	for (unsigned n = 0; n < MANY; n++) {
		struct leaf_name name = named(n);
		struct leaf *l = leafcache_get(env.lc, &name);

		assert_non_null(l);
		assert_ptr_equal(sk_X509_value(l->certificate.chain, 0), issuers[n].leaf);
		leaf_put(l);
		fixture_cert_free(&issuers[n]);
	}
}

static void large_leaves_do_not_grow_the_cache(void **state)
{
	struct fixture_cert large;
	char names[12000] = "";
	uint8_t data[16384];
	size_t at = 0, len;
	struct leaf *l = NULL;

	while (at < 3 * LEAFCACHE_BYTES_EACH / 2)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%sDNS:%060zu.%060zu.test",
		                       at ? "," : "", at, at);
	fixture_cert_make(&large, FIXTURE_EC, names, NULL);
	len = answer_in(&large, 1, 3600, data, sizeof(data));
	for (unsigned n = 0; n < 3; n++) {
		struct leaf_name name = named(n);

		assert_int_equal(leafcache_put(env.lc, env.kp, &name, data, len, NULL, &l), 0);
		leaf_put(l);
		assert_true(leafcache_bytes(env.lc) <= 3 * LEAFCACHE_BYTES_EACH);
	}
	assert_int_equal(leafcache_count(env.lc), 1);
	assert_true(has(2));
	leafcache_set_max(env.lc, 1); /* for itself more than all may have */
	assert_int_equal(leafcache_count(env.lc), 0);
	assert_int_equal(leafcache_bytes(env.lc), 0);
	assert_int_equal(leafcache_parsed(env.lc), 0);
	fixture_cert_free(&large);
}

/* Those that are there parsed do not count: there are as many before. */
static void a_leaf_costs_less_than_a_kilobyte(void **state)
{
	enum { MANY = 500 };
	size_t before, bytes;

	leafcache_set_max(env.lc, LEAFCACHE_PARSED_MAX + 1 + MANY);
	put_many(0, LEAFCACHE_PARSED_MAX + 1);
	before = mallinfo2().uordblks;
	put_many(LEAFCACHE_PARSED_MAX + 1, MANY);
	bytes = (mallinfo2().uordblks - before) / MANY;
	print_message("bytes a leaf: %zu\n", bytes);
	assert_in_range(bytes, 0, 1024);
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
	        CASE(a_leaf_that_is_kept_as_bytes_is_the_same_leaf),
	        CASE(leaves_of_many_chains_have_each_their_own),
	        CASE(large_leaves_do_not_grow_the_cache),
	        CASE(a_leaf_costs_less_than_a_kilobyte),
	};

	return RUN_TESTS(tests);
}
