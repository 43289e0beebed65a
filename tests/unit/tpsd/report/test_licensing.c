/* SPDX-License-Identifier: Apache-2.0 */
/* `control` with a licence authority: what it takes, what it tells wire and workers, what it keeps.
 */
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/licence/licence.h"
#include "lib/package/package.h"
#include "tests/unit/tpsd/report/steps.h"
#include "tpsd/report/licensing.h"

enum { DAY_S = 86400 };

static EVP_PKEY *authority, *stranger;

static int make_keys(void **state)
{
	authority = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	stranger = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return authority && stranger ? 0 : -1;
}

static int free_keys(void **state)
{
	EVP_PKEY_free(authority);
	EVP_PKEY_free(stranger);
	return 0;
}

/* A capability for `device` until that many days from now. */
static json_t *make_licence_of(EVP_PKEY *key, const char *device, const char *capability, int days,
                               int grace_days)
{
	const struct package_info info = {.name = "L", .version = "1", .created = 1};
	char day[LICENCE_DAY_TEXT];
	unsigned char text[8192];
	json_t *licence;
	struct buf bytes;

	(void)licence_day((int64_t)time(NULL) + (int64_t)days * DAY_S, day);
	licence = json_pack("{s:[{s:s, s:{s:{s:s, s:i}}}]}", "devices", "name", device,
	                    "capabilities", capability, "until", day, "grace_days", grace_days);
	buf_init(&bytes, LICENCE_MAX);
	assert_int_equal(licence_write(&info, licence, key, &bytes), 0);
	json_decref(licence);
	assert_true(bytes.len < sizeof(text) / 4 * 3);
	(void)EVP_EncodeBlock(text, bytes.data, (int)bytes.len);
	buf_fini(&bytes);
	return json_pack("{s:s, s:s}", "package", "x.pkg", "text", (const char *)text);
}

static json_t *make_licence(EVP_PKEY *key, const char *device, int days, int grace_days)
{
	return make_licence_of(key, device, "ssl_inspection", days, grace_days);
}

static void install(const char *device, int days, int grace_days)
{
	json_decref(device_command(&dev, "licence install",
	                           make_licence(authority, device, days, grace_days), NULL));
}

/* The text that it is refused with has `says` in it. */
static void is_refused(const char *words, json_t *arguments, const char *says)
{
	json_t *error = NULL;
	json_t *data = device_command(&dev, words, arguments, &error);
	const char *text;

	assert_non_null(error);
	text = json_string_value(json_object_get(error, "text"));
	if (!strstr(text, says))
		fail_msg("%s: %s", words, text);
	json_decref(error);
	json_decref(data);
}

/* The document with the authority's keys in it. */
static const char *licensed_config(void)
{
	static char text[1024];
	char path[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/authority.pub", dev.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_PUBKEY(f, authority), 1);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(text, sizeof(text),
	               "version: 1\ndevice:\n  name: one\n  licence_keys: %s\n  metrics: {address: "
	               "127.0.0.1, port: 0}\nsegments:\n  - name: wan\n    port_a: eth1\n    "
	               "port_b: eth2\n",
	               path);
	return text;
}

/* State and source of SSL inspection are these, and wire's switch is as they say. */
static void check(const char *state, const char *source)
{
	json_t *data = device_command(&dev, "licence show", NULL, NULL);
	const json_t *list = json_object_get(json_array_get(data, 0), "capabilities");
	const json_t *one = json_array_get(list, LICENCE_SSL_INSPECTION);

	assert_string_equal(json_string_value(json_object_get(one, "state")), state);
	assert_string_equal(json_string_value(json_object_get(one, "source")), source);
	json_decref(data);
	data = device_command(&dev, "show version", NULL, NULL);
	one = json_object_get(json_array_get(data, 0), "licence");
	assert_string_equal(json_string_value(json_object_get(one, "ssl_inspection")), state);
	json_decref(data);
}

static bool heard(enum device_peer peer, const char *what)
{
	bool found;

	device_run(&dev, 20);
	found = strstr(dev.seen[peer], what) != NULL;
	dev.seen[peer][0] = '\0';
	return found;
}

#define STOP_ON  "stop {\"state\":\"on\"}"
#define STOP_OFF "stop {\"state\":\"off\"}"

static void with_an_authority_a_licence_is_needed(void **state)
{
	(void)state;
	start_committed();
	check("allowed", "built-in");
	device_stop(&dev, false);
	device_write_config(&dev, licensed_config());
	dev.seen[DEV_WIRE][0] = dev.seen[DEV_WORKER][0] = '\0';
	start_committed();
	check("denied", "none");
	assert_true(heard(DEV_WIRE, STOP_ON));
	assert_true(heard(DEV_WORKER, "licence {\"denied\":{\"ssl_inspection\":true"));
	assert_true(log_has("system", "SSL inspection is denied: no licence is here"));

	is_refused("licence install", make_licence(authority, "two", 9, 9),
	           "the licence is for two, and this device is one");
	is_refused("licence install", make_licence(stranger, "one", 9, 9), "not signed");
	is_refused("licence check", make_licence(stranger, "one", 9, 9), "not signed");
	is_refused("licence install", json_pack("{s:s, s:s}", "package", "x", "text", "?!?!"),
	           "no licence came");
	is_refused("licence install", json_pack("{s:s, s:s}", "package", "x", "text", "QUJD"),
	           "no package");
	check("denied", "none");

	install("one", 100, 9);
	check("allowed", "licence");
	assert_true(heard(DEV_WIRE, STOP_OFF));
	assert_true(heard(DEV_WORKER, "licence {\"denied\":{\"ssl_inspection\":false"));
	install("*", -3, 9);
	check("allowed", "grace");
	assert_true(log_has("system", "the licence ended on"));
	install("one", -10, 9);
	check("denied", "none");
	assert_true(heard(DEV_WIRE, STOP_ON));
	assert_true(log_has("audit", "licence install"));
}

/* The keeper of the licence is the state directory; who comes up later hears of it as well. */
static void what_was_installed_outlives_control(void **state)
{
	(void)state;
	device_write_config(&dev, licensed_config());
	start_committed();
	install("one", -10, 9);
	device_restart_peer(&dev, DEV_WORKER);
	assert_true(heard(DEV_WORKER, "licence {\"denied\":{\"ssl_inspection\":true"));
	device_restart_peer(&dev, DEV_WIRE);
	assert_true(heard(DEV_WIRE, STOP_ON));
	install("one", 100, 9);
	device_stop(&dev, true);
	start_committed();
	check("allowed", "licence");
}

/* The authority is taken away while control is dead; the others still hold what it said last. */
static void a_control_that_comes_up_says_what_counts(void **state)
{
	(void)state;
	device_write_config(&dev, licensed_config());
	start_committed();
	assert_true(heard(DEV_WIRE, "licence {\"workers\":1}"));
	assert_true(heard(DEV_WORKER, "licence {\"denied\":{\"ssl_inspection\":true"));
	device_stop(&dev, true);
	device_write_config(&dev, device_config(&dev, "one"));
	dev.seen[DEV_WIRE][0] = dev.seen[DEV_WORKER][0] = '\0';
	start_committed();
	check("allowed", "built-in");
	assert_true(heard(DEV_WIRE, "licence {\"workers\":0}"));
	assert_true(heard(DEV_WORKER, "licence {\"denied\":{\"ssl_inspection\":false"));
}

/* Installed before the authority is named, it counts from the first moment. */
static void it_can_be_here_before_its_authority(void **state)
{
	json_t *arguments;

	(void)state;
	start_committed();
	install("one", 100, 9);
	check("allowed", "built-in");
	dev.seen[DEV_WIRE][0] = '\0';
	arguments = json_pack("{s:s,s:s}", "file", "/etc/x.yaml", "text", licensed_config());
	json_decref(device_command(&dev, "config apply", arguments, NULL));
	check("allowed", "licence");
	assert_false(heard(DEV_WIRE, STOP_ON));
}

static void a_clock_that_was_set_back_is_no_way_round(void **state)
{
	char path[160];
	FILE *f;

	(void)state;
	device_write_config(&dev, licensed_config());
	start_committed();
	install("one", 100, 9);
	device_stop(&dev, false);
	(void)snprintf(path, sizeof(path), "%s/licence-seen", dev.state_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "%lld\n", (long long)time(NULL) + 200LL * DAY_S);
	assert_int_equal(fclose(f), 0);
	start_committed();
	check("denied", "none");
	install("one", 100, 9); /* whoever may do this says that the clock is right */
	check("allowed", "licence");
}

/* What `licence show` and `show version` say of all cores. */
static void check_cores(const char *state, const char *text)
{
	json_t *data = device_command(&dev, "licence show", NULL, NULL);
	const json_t *list = json_object_get(json_array_get(data, 0), "capabilities");
	const json_t *one = json_array_get(list, LICENCE_ALL_CORES);

	assert_string_equal(json_string_value(json_object_get(one, "state")), state);
	assert_non_null(strstr(json_string_value(json_object_get(one, "text")), text));
	json_decref(data);
	data = device_command(&dev, "show version", NULL, NULL);
	one = json_object_get(json_array_get(data, 0), "licence");
	assert_string_equal(json_string_value(json_object_get(one, "all_cores")), state);
	json_decref(data);
}

static void install_cores(int days)
{
	json_decref(device_command(&dev, "licence install",
	                           make_licence_of(authority, "one", "all_cores", days, 1), NULL));
}

static void start_with(unsigned workers_wanted)
{
	device_stop(&dev, false);
	dev.workers_wanted = workers_wanted;
	dev.seen[DEV_WIRE][0] = '\0';
	start_committed();
}

/* R39: processes are started once, so more of them are there when tpsd starts again. */
static void more_processes_need_a_restart(void **state)
{
	json_t *would;

	(void)state;
	assert_int_equal(licensing_workers(dev.state_dir), 0);
	device_write_config(&dev, licensed_config());
	start_committed();
	check_cores("denied", "no licence is here");
	assert_true(heard(DEV_WIRE, "licence {\"workers\":1}"));
	assert_int_equal(licensing_workers(dev.state_dir), 1);

	start_with(2); /* and one is there, as parent does it then */
	assert_true(heard(DEV_WIRE, "licence {\"workers\":1}"));
	would = device_command(&dev, "licence check",
	                       make_licence_of(authority, "one", "all_cores", 9, 1), NULL);
	assert_string_equal(
	        json_string_value(json_object_get(
	                json_array_get(json_object_get(json_array_get(would, 0), "capabilities"),
	                               LICENCE_ALL_CORES),
	                "state")),
	        "reboot required");
	json_decref(would);
	check_cores("denied", "no licence is here");
	install_cores(100);
	check_cores("reboot required", "start it again");
	assert_true(heard(DEV_WIRE, "licence {\"workers\":0}"));
	assert_int_equal(licensing_workers(dev.state_dir), 0);
	assert_true(log_has("system", "inspection on all cores is reboot required"));
	device_restart_peer(&dev, DEV_WIRE);
	assert_true(heard(DEV_WIRE, "licence {\"workers\":0}"));

	start_with(1); /* all that is wanted is there */
	check_cores("allowed", "licensed until");
	install_cores(-10);
	check_cores("denied", "over since");
	assert_true(heard(DEV_WIRE, "licence {\"workers\":1}"));
	install_cores(100);
	check_cores("allowed", "licensed until");
}

static void keys_that_cannot_be_read_refuse_the_document(void **state)
{
	char text[1024], *place;
	json_t *error = NULL, *data;

	(void)state;
	start_committed();
	(void)snprintf(text, sizeof(text), "%s", licensed_config());
	place = strstr(text, "authority.pub");
	memcpy(place, "nowhere--.pub", sizeof("nowhere--.pub") - 1);
	data = device_command(&dev, "config apply",
	                      json_pack("{s:s,s:s}", "file", "/etc/x.yaml", "text", text), &error);
	assert_non_null(error);
	assert_string_equal(json_string_value(json_object_get(
	                            json_array_get(json_object_get(error, "errors"), 0), "path")),
	                    "/device/licence_keys");
	json_decref(error);
	json_decref(data);
	check("allowed", "built-in");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(with_an_authority_a_licence_is_needed),
	        TEST(what_was_installed_outlives_control),
	        TEST(a_control_that_comes_up_says_what_counts),
	        TEST(it_can_be_here_before_its_authority),
	        TEST(a_clock_that_was_set_back_is_no_way_round),
	        TEST(more_processes_need_a_restart),
	        TEST(keys_that_cannot_be_read_refuse_the_document),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
