/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forged leaves in `keys`: who signs what, the pool made in slices, leaves made once, dates (R153),
 * messages whose every field is wrong once, the untrusted CA in its file.
 */
#include "tpsd/tls/forger.h"

#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/event/counter.h"
#include "lib/pki/ca.h"
#include "tests/unit/tpsd/fixture.h"
#include "tpsd/tls/forgecache.h"
#include "tpsd/tls/keyprov.h"
#include "tpsd/tls/leafcache.h"
#include "tpsd/tls/leafpool.h"
#include "tpsd/tls/untrusted.h"

enum { DAY = 86400 };
#define NOW 1800000000 /* January 2027 */

static struct env {
	struct keystore *ks;
	struct forger *f;
	struct counter_slab counters;
	struct pki_issuer signer, untrusted;
	uint8_t signer_id[KEY_ID_LEN], untrusted_id[KEY_ID_LEN];
} env;

static struct pki_issuer make_ca(const char *name, unsigned days)
{
	struct pki_subject subject = {.common_name = name};
	struct pki_issuer ca = {0};
	struct pki_error err;

	assert_int_equal(pki_ca_make(&subject, PKI_KEY_P256, days, NOW, &ca, &err), 0);
	return ca;
}

static int open_env(void **state)
{
	struct pki_issuer given;

	memset(&env, 0, sizeof(env));
	env.ks = keystore_create();
	env.f = forger_create(env.ks, NOW - DAY, &env.counters);
	env.signer = make_ca("Signer", 30);
	env.untrusted = make_ca(UNTRUSTED_CA_NAME, 30);
	given = env.untrusted;
	X509_up_ref(given.certificate);
	EVP_PKEY_up_ref(given.key);
	forger_set_untrusted(env.f, &given);
	assert_int_equal(keystore_key_id(env.signer.key, env.signer_id), 0);
	assert_int_equal(keystore_key_id(env.untrusted.key, env.untrusted_id), 0);
	assert_int_equal(forger_add_issuer(env.f, env.signer.certificate, env.signer.key, 1), 0);
	forger_commit(env.f, 1, NOW);
	forger_set_max(env.f, 100);
	return 0;
}

static int close_env(void **state)
{
	forger_destroy(env.f);
	keystore_destroy(env.ks);
	pki_issuer_fini(&env.signer);
	pki_issuer_fini(&env.untrusted);
	return 0;
}

static void make_pool(void)
{
	int rc;

	do
		rc = forger_make_pool(env.f, 20);
	while (rc == SL_EAGAIN);
	assert_int_equal(rc, 0);
}

/* The P-256 key is there at once. */
static void begin_pool(void)
{
	assert_int_equal(forger_make_pool(env.f, 0), SL_EAGAIN);
}

/* GeneralNames: one DNS name, "a.test". */
static const uint8_t names[] = {0x30, 8, 0x82, 6, 'a', '.', 't', 'e', 's', 't'};

static struct key_forge wanted(bool trusted, enum pki_key_kind kind)
{
	return (struct key_forge){.trusted = trusted,
	                          .kind = kind,
	                          .print = {1},
	                          .template = {.alt_names = names,
	                                       .alt_names_len = sizeof(names),
	                                       .not_before = NOW - DAY,
	                                       .not_after = NOW + DAY}};
}

static int forge(const struct key_forge *what, int64_t now, X509 **ret)
{
	const uint8_t *data = NULL, *der;
	size_t len = 0;
	int rc = forger_forge(env.f, env.signer_id, what, now, &data, &len);

	*ret = NULL;
	if (rc != 0)
		return rc;
	der = data + KEY_ID_LEN;
	*ret = d2i_X509(NULL, &der, (long)(len - KEY_ID_LEN));
	assert_non_null(*ret);
	assert_ptr_equal(der, data + len);
	return 0;
}

static void the_signer_signs_for_trusted_sites_alone(void **state)
{
	struct key_forge what = wanted(true, PKI_ECDSA);
	X509 *leaf;

	make_pool();
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	assert_int_equal(X509_verify(leaf, env.signer.key), 1);
	assert_int_equal(X509_check_host(leaf, "a.test", 6, 0, NULL), 1);
	X509_free(leaf);
	what = wanted(false, PKI_RSA);
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	assert_int_equal(X509_verify(leaf, env.untrusted.key), 1);
	assert_true(EVP_PKEY_is_a(X509_get0_pubkey(leaf), "RSA"));
	X509_free(leaf);
	assert_int_equal(env.counters.values[COUNTER_forged], 2);
}

/* Whoever may ask for signatures must not be able to make CAs with them. */
static void the_signers_key_signs_nothing_but_leaves(void **state)
{
	uint8_t digest[32] = {1}, signature[KEY_SIGNATURE_MAX];
	uint16_t algorithm = IPC_SIGN_ECDSA | IPC_SHA256 << 8;
	size_t len;

	begin_pool();
	assert_int_equal(
	        keystore_sign(env.ks, env.signer_id, algorithm, digest, 32, signature, &len),
	        SL_ENOENT);
	assert_int_equal(
	        keystore_sign(env.ks, env.untrusted_id, algorithm, digest, 32, signature, &len),
	        SL_ENOENT);
}

static void leaves_wait_for_the_pool_and_workers_sign_with_it(void **state)
{
	struct key_forge what = wanted(true, PKI_RSA);
	uint8_t digest[32] = {1}, signature[KEY_SIGNATURE_MAX], ids[8][KEY_ID_LEN];
	size_t len;
	X509 *leaf;

	assert_int_equal(forge(&what, NOW, &leaf), SL_EAGAIN);
	assert_int_equal(forger_own_keys(env.f, ids, 8), 2);
	begin_pool();
	assert_int_equal(forge(&what, NOW, &leaf), SL_EAGAIN);
	assert_int_equal(forger_own_keys(env.f, ids, 8), 3);
	make_pool();
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	X509_free(leaf);
	assert_int_equal(forger_own_keys(env.f, ids, 8), 4);
	assert_memory_equal(ids[2], env.untrusted_id, KEY_ID_LEN);
	assert_memory_equal(ids[3], env.signer_id, KEY_ID_LEN);
	assert_int_equal(forger_own_keys(env.f, ids, 3), 3);
	keystore_retire_before(env.ks, 100); /* the pool stays */
	assert_int_equal(keystore_count(env.ks), 2);
	assert_int_equal(keystore_sign(env.ks, ids[0], IPC_SIGN_RSA_PSS | IPC_SHA256 << 8, digest,
	                               32, signature, &len),
	                 0);
	assert_int_equal(env.counters.values[COUNTER_forge_errors], 0);
}

static void a_pool_is_made_in_slices_and_can_be_given_up(void **state)
{
	struct leafpool *p = leafpool_create();
	unsigned slices = 0;
	int rc;

	do {
		rc = leafpool_step(p, 0);
		slices++;
	} while (rc == SL_EAGAIN);
	assert_int_equal(rc, 0);
	assert_true(slices > 3);
	assert_int_equal(EVP_PKEY_get_bits(leafpool_key(p, PKI_RSA)->key), 2048);
	assert_true(EVP_PKEY_is_a(leafpool_key(p, PKI_ECDSA)->key, "EC"));
	leafpool_destroy(p);
	p = leafpool_create();
	assert_int_equal(leafpool_step(p, 0), SL_EAGAIN);
	leafpool_destroy(p); /* no leak: the sanitizer tells */
}

static void a_leaf_is_made_once(void **state)
{
	struct key_forge what = wanted(true, PKI_ECDSA);
	X509 *first, *again;

	begin_pool();
	assert_int_equal(forge(&what, NOW, &first), 0);
	assert_int_equal(forge(&what, NOW + 5, &again), 0);
	assert_int_equal(X509_cmp(first, again), 0);
	X509_free(again);
	assert_int_equal(env.counters.values[COUNTER_signer_cache_hits], 1);
	/* Another chain, and the same chain with other names: one worker may lie about it. */
	what.print[0] ^= 1;
	assert_int_equal(forge(&what, NOW, &again), 0);
	assert_int_not_equal(X509_cmp(first, again), 0);
	X509_free(again);
	what = wanted(true, PKI_ECDSA);
	what.template.not_after++;
	assert_int_equal(forge(&what, NOW, &again), 0);
	assert_int_not_equal(X509_cmp(first, again), 0);
	X509_free(again);
	assert_int_equal(forger_leaves(env.f), 3);
	forger_set_max(env.f, 1);
	assert_int_equal(forger_leaves(env.f), 1);
	X509_free(first);
}

static void nothing_is_signed_out_of_the_issuers_time(void **state)
{
	struct key_forge what = wanted(true, PKI_ECDSA);
	X509 *leaf;

	begin_pool();
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	X509_free(leaf);
	/* Not even what was made before. */
	assert_int_equal(forge(&what, NOW + 31 * DAY, &leaf), SL_EREFUSED);
	/* A clock before the build is wrong, whatever the certificate says. */
	assert_int_equal(forge(&what, NOW - DAY - 1, &leaf), SL_EREFUSED);
	what.trusted = false;
	assert_int_equal(forge(&what, NOW - DAY - 1, &leaf), SL_EREFUSED);
	assert_int_equal(env.counters.values[COUNTER_forge_errors], 3);
}

static void issuers_live_as_long_as_a_revision_names_them(void **state)
{
	struct key_forge what = wanted(true, PKI_ECDSA);
	struct pki_issuer other = make_ca("Other", 30);
	X509 *leaf;

	begin_pool();
	assert_int_equal(forger_add_issuer(env.f, env.signer.certificate, other.key, 2),
	                 SL_EMISMATCH);
	assert_int_equal(forger_add_issuer(env.f, other.certificate, other.key, 2), 0);
	forger_forget(env.f, 2);
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	X509_free(leaf);
	assert_int_equal(forger_add_issuer(env.f, env.signer.certificate, env.signer.key, 3), 0);
	forger_commit(env.f, 3, NOW);
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	X509_free(leaf);
	assert_int_equal(forger_add_issuer(env.f, other.certificate, other.key, 4), 0);
	forger_commit(env.f, 4, NOW);
	assert_int_equal(forge(&what, NOW, &leaf), SL_ENOENT);
	pki_issuer_fini(&other);
}

/* Renewed with the same key: from the commit on the new certificate's name and dates count. */
static void of_two_certificates_with_one_key_the_one_in_force_signs(void **state)
{
	struct key_forge what = wanted(true, PKI_ECDSA);
	struct pki_issuer renewed = {X509_dup(env.signer.certificate), env.signer.key};
	X509 *leaf;

	begin_pool();
	X509_NAME_add_entry_by_txt(X509_get_subject_name(renewed.certificate), "O", MBSTRING_ASC,
	                           (const unsigned char *)"new", -1, -1, 0);
	assert_true(X509_sign(renewed.certificate, renewed.key, EVP_sha256()) > 0);
	assert_int_equal(forger_add_issuer(env.f, renewed.certificate, renewed.key, 2), 0);
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(leaf),
	                               X509_get_subject_name(env.signer.certificate)),
	                 0);
	X509_free(leaf);
	forger_commit(env.f, 2, NOW);
	assert_int_equal(forge(&what, NOW, &leaf), 0);
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(leaf),
	                               X509_get_subject_name(renewed.certificate)),
	                 0);
	X509_free(leaf);
	X509_free(renewed.certificate);
}

static void every_field_of_a_message_is_checked(void **state)
{
	const uint8_t print[PKI_PRINT_LEN] = {7}, rest[] = {0x30, 0, 0};
	const struct ipc_forge good = {.id = 5,
	                               .issuer = {env.signer_id, KEY_ID_LEN},
	                               .trusted = 1,
	                               .kind = PKI_ECDSA,
	                               .print = {print, PKI_PRINT_LEN},
	                               .not_before = (uint64_t)-1,
	                               .not_after = UINT64_MAX >> 1,
	                               .alt_names = {names, sizeof(names)}};
	struct ipc_forge msg;
	struct ipc_forged answer;

	begin_pool();
	forger_answer(env.f, &good, NOW, &answer);
	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.id, 5);
	assert_int_equal(answer.key.len, KEY_ID_LEN);
	assert_in_range(answer.certificate.len, 300, 1000);
#define BAD(field, value, error)                                                                   \
	msg = good;                                                                                \
	msg.field = (value);                                                                       \
	forger_answer(env.f, &msg, NOW, &answer);                                                  \
	assert_int_equal(answer.status, error);                                                    \
	assert_int_equal(answer.certificate.len + answer.key.len, 0)
	BAD(issuer.len, 31, SL_EINVAL);
	BAD(issuer.data, env.untrusted_id, SL_ENOENT);
	BAD(trusted, 2, SL_EINVAL);
	BAD(kind, 2, SL_EINVAL);
	BAD(print.len, 0, SL_EINVAL);
	BAD(alt_names.len, sizeof(names) - 1, SL_EMALFORMED);
	BAD(subject, ((struct ipc_bytes){rest, 3}), SL_EMALFORMED);
	assert_int_equal(env.counters.values[COUNTER_forge_errors], 7);
}

static void the_cache_is_bounded_by_bytes(void **state)
{
	struct forgecache *c = forgecache_create(1000);
	uint8_t name[FORGECACHE_NAME_LEN] = {0}, data[1001] = {0};
	size_t len;

	forgecache_set_max(c, 100);
	for (uint8_t i = 0; i < 10; i++) {
		name[0] = i;
		forgecache_put(c, name, data, 300);
	}
	assert_int_equal(forgecache_count(c), 3);
	assert_int_equal(forgecache_bytes(c), 900);
	name[0] = 7;
	assert_non_null(forgecache_get(c, name, &len));
	assert_int_equal(len, 300);
	name[0] = 20;
	forgecache_put(c, name, data, 600); /* 7 was used last */
	assert_int_equal(forgecache_count(c), 2);
	name[0] = 7;
	assert_non_null(forgecache_get(c, name, &len));
	forgecache_put(c, name, data, sizeof(data));
	assert_null(forgecache_get(c, name, &len));
	forgecache_destroy(c);
}

/* ---- to a worker ---- */

struct waiting {
	struct key_request req;
	struct key_forge what;
	struct loop *loop;
	struct leafcache *lc;
	struct keyprov *kp;
	struct leaf *leaf;
	uint64_t asked_ns, came_ns;
};

static void on_leaf(struct key_request *req, int status, const uint8_t *data, size_t len)
{
	const struct leaf_name name = {.trusted = 1, .kind = PKI_ECDSA};
	struct waiting *w = req->arg;

	assert_int_equal(status, 0);
	assert_int_equal(leafcache_put(w->lc, w->kp, &name, data, len, NULL, &w->leaf), 0);
	w->came_ns = clock_now_ns();
	loop_stop(w->loop);
}

static void a_leaf_comes_50_ms_later_and_is_what_a_worker_shows(void **state)
{
	struct waiting w = {.what = wanted(true, PKI_ECDSA)};
	struct fixture_backend backend;
	struct pki_issuer now_ca = {0};
	struct pki_subject subject = {.common_name = "Now"};
	struct pki_error err;

	assert_int_equal(
	        pki_ca_make(&subject, PKI_KEY_P256, 30, (int64_t)time(NULL), &now_ca, &err), 0);
	w.what.template.not_before = time(NULL) - 60;
	w.what.template.not_after = time(NULL) + 60;
	w.loop = loop_create();
	w.lc = leafcache_create(10);
	fixture_backend_init(&backend, w.loop, env.ks, 50);
	assert_int_equal(keyprov_create(&backend.backend, &w.kp), 0);
	backend.forger = forger_create(env.ks, 0, NULL);
	assert_int_equal(forger_add_issuer(backend.forger, now_ca.certificate, now_ca.key, 1), 0);
	w.req = (struct key_request){
	        .operation = KEY_FORGE, .forge = &w.what, .done = on_leaf, .arg = &w};
	assert_int_equal(keystore_key_id(now_ca.key, w.req.key), 0);
	w.asked_ns = clock_now_ns();
	assert_int_equal(key_submit(&backend.backend, &w.req), 0);
	assert_int_equal(loop_run(w.loop), 0);
	assert_true(w.came_ns - w.asked_ns >= 50 * CLOCK_NS_PER_MS);
	assert_int_equal(X509_verify(w.leaf->certificate.leaf, now_ca.key), 1);
	assert_true(w.leaf->certificate.ecdsa);
	leaf_put(w.leaf);
	leafcache_destroy(w.lc);
	forger_destroy(backend.forger);
	pki_issuer_fini(&now_ca);
	keyprov_destroy(w.kp);
	loop_destroy(w.loop);
}

/* ---- the untrusted CA ---- */

static void read_id(int fd, int64_t now, uint8_t id[KEY_ID_LEN])
{
	struct pki_issuer ca;

	assert_int_equal(untrusted_ca_open(fd, "untrusted", now, &ca), 0);
	assert_int_equal(pki_issuer_check(ca.certificate, now), 0);
	assert_int_equal(keystore_key_id(ca.key, id), 0);
	pki_issuer_fini(&ca);
}

static void the_untrusted_ca_is_made_once(void **state)
{
	char path[] = "/tmp/untrusted-XXXXXX";
	int fd = mkstemp(path);
	uint8_t first[KEY_ID_LEN], again[KEY_ID_LEN];
	struct stat st;

	assert_true(fd >= 0);
	read_id(fd, NOW, first);
	read_id(fd, NOW + DAY, again);
	assert_memory_equal(first, again, KEY_ID_LEN);
	/* Torn: its end is missing. */
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(ftruncate(fd, st.st_size - 20), 0);
	read_id(fd, NOW, again);
	assert_memory_not_equal(first, again, KEY_ID_LEN);
	read_id(fd, NOW, first);
	assert_memory_equal(first, again, KEY_ID_LEN);
	/* Longer than what is written next: nothing of it is left. */
	assert_int_equal(ftruncate(fd, st.st_size + 5000), 0);
	assert_int_equal(pwrite(fd, "x", 1, 30), 1);
	read_id(fd, NOW, first);
	read_id(fd, NOW, again);
	assert_memory_equal(first, again, KEY_ID_LEN);
	/* Expired. */
	read_id(fd, NOW + 3651LL * DAY, again);
	assert_memory_not_equal(first, again, KEY_ID_LEN);
	(void)close(fd);
	(void)unlink(path);
}

static void a_ca_of_others_is_not_taken(void **state)
{
	char path[] = "/tmp/untrusted-XXXXXX";
	int fd = mkstemp(path);
	struct pki_error err;
	uint8_t id[KEY_ID_LEN], again[KEY_ID_LEN];
	struct pki_issuer ca;

	assert_int_equal(pki_issuer_write_fd(&env.signer, fd, path, &err), 0);
	read_id(fd, NOW, id);
	assert_memory_not_equal(id, env.signer_id, KEY_ID_LEN);
	/* A clock that went back does not make it anew. */
	assert_int_equal(untrusted_ca_open(fd, path, NOW - 100 * DAY, &ca), 0);
	assert_int_equal(keystore_key_id(ca.key, again), 0);
	assert_memory_equal(id, again, KEY_ID_LEN);
	pki_issuer_fini(&ca);
	(void)close(fd);
	(void)unlink(path);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_env, close_env)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(the_signer_signs_for_trusted_sites_alone),
	        CASE(the_signers_key_signs_nothing_but_leaves),
	        CASE(leaves_wait_for_the_pool_and_workers_sign_with_it),
	        cmocka_unit_test(a_pool_is_made_in_slices_and_can_be_given_up),
	        CASE(a_leaf_is_made_once),
	        CASE(nothing_is_signed_out_of_the_issuers_time),
	        CASE(issuers_live_as_long_as_a_revision_names_them),
	        CASE(of_two_certificates_with_one_key_the_one_in_force_signs),
	        CASE(every_field_of_a_message_is_checked),
	        CASE(a_leaf_comes_50_ms_later_and_is_what_a_worker_shows),
	        cmocka_unit_test(the_cache_is_bounded_by_bytes),
	        cmocka_unit_test(the_untrusted_ca_is_made_once),
	        CASE(a_ca_of_others_is_not_taken),
	};

	return RUN_TESTS(tests);
}
