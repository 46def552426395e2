/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The words of a port: what they accept, what they say about the rest, how they come back as text,
 * and what one set of them over another comes to.
 */
#include <stdlib.h>
#include <string.h>

#include "pvn_test.h"

#include "settings.h"

/* ---- one word ---- */

/* `text` is how the value comes back; NULL: as it was given. */
static const struct {
	const char *word, *value, *text;
} good[] = {
	{"device", "0000:01:00.0", NULL},
	{"device", "net_tap0,iface=tap0,mac=fixed", NULL},
	{"mode", "off", NULL},
	{"mode", "access", NULL},
	{"mode", "trunk", NULL},
	{"vlan", "1", NULL},
	{"vlan", "4094", NULL},
	{"vlan", "0010", "10"},
	{"tagged", "yes", NULL},
	{"tagged", "no", NULL},
	{"isolated", "yes", NULL},
	{"secured", "yes", NULL},
	{"learning", "yes", NULL},
	{"learning", "no", NULL},
	{"learn", "0", NULL},
	{"learn", "16000000", NULL},
	{"macs", "any", NULL},
	{"macs", "own", NULL},
	{"macs", "00:16:3E:00:00:01", "00:16:3e:00:00:01"},
	{"macs", "00:16:3e:00:00:01,00:16:3e:00:00:02", NULL},
	{"reserved", "forward", NULL},
	{"reserved", "drop", NULL},
	{"storm", "0", NULL},
	{"storm", "1", NULL},
	{"storm", "1500", NULL},
	{"storm", "10k", "10K"},
	{"storm", "100M", NULL},
	{"storm-burst", "1", NULL},
	{"storm-burst", "1M", NULL},
	{"rate", "0", NULL},
	{"rate", "8", NULL},
	{"rate", "1500M", NULL},
	{"rate", "1000g", "1000G"},
	{"mtu", "0", NULL},
	{"mtu", "68", NULL},
	{"mtu", "9000", NULL},
	{"queues", "1", NULL},
	{"queues", "16", NULL},
	{"mirror", "off", NULL},
	{"mirror", "xen3.0", NULL},
	{"mirror", "a_b-c.d", NULL},
};

static const struct {
	const char *value, *text;
} good_vlans[] = {
	{"1", NULL},	     {"4094", NULL},
	{"1-100,200", NULL}, {"1-4094", NULL},
	{"all", "1-4094"},   {"none", NULL},
	{"3,2,1", "1-3"},    {"1-5,4-8,7", "1-8"},
	{"7-7", "7"},	     {"63-64,4093-4094", NULL},
};

/* `part` is in the message. */
static const struct {
	const char *word, *value, *part;
} bad[] = {
	{"color", "red", "there is no word 'color': expected device, mode, vlan,"},
	{"", "x", "there is no word ''"},
	{"device", "", "device '': expected 1..255 characters"},
	{"device", "a\033b", "device 'a?b': expected 1..255 characters"},
	{"mode", "hybrid", "mode 'hybrid': expected off, access or trunk"},
	{"mode", "Trunk", "mode 'Trunk'"},
	{"mode", "", "mode ''"},
	{"vlan", "0", "vlan '0': expected a number in 1..4094"},
	{"vlan", "4095", "vlan '4095'"},
	{"vlan", "-1", "vlan '-1'"},
	{"vlan", "+1", "vlan '+1'"},
	{"vlan", " 1", "vlan ' 1'"},
	{"vlan", "1 ", "vlan '1 '"},
	{"vlan", "0x10", "vlan '0x10'"},
	{"vlan", "1K", "vlan '1K'"},
	{"vlan", "99999999999999999999", "vlan '99999999999999999999'"},
	{"native", "4095", "native '4095': expected a number in 1..4094, or 0 for none"},
	{"vlans", "", "vlans '': expected VLANs of 1..4094 as 1-100,200, or all, or none"},
	{"vlans", "0", "vlans '0'"},
	{"vlans", "1-4095", "vlans '1-4095'"},
	{"vlans", "5-4", "vlans '5-4'"},
	{"vlans", "5-", "vlans '5-'"},
	{"vlans", "-5", "vlans '-5'"},
	{"vlans", "1,", "vlans '1,'"},
	{"vlans", ",1", "vlans ',1'"},
	{"vlans", "1 2", "vlans '1 2'"},
	{"vlans", "1-2-3", "vlans '1-2-3'"},
	{"vlans", "all,1", "vlans 'all,1'"},
	{"tagged", "true", "tagged 'true': expected no or yes"},
	{"learning", "maybe", "learning 'maybe': expected yes or no"},
	{"learn", "16000001", "learn '16000001': expected a number in 0..16000000"},
	{"macs", "", "macs '': expected 1..16 addresses as 00:16:3e:00:00:01"},
	{"macs", "00:16:3e:00:00", "macs '00:16:3e:00:00'"},
	{"macs", "00:16:3e:00:00:0", "macs '00:16:3e:00:00:0'"},
	{"macs", "00:16:3e:00:00:001", "macs"},
	{"macs", "0:016:3e:00:00:01", "macs"},
	{"macs", "00-16-3e-00-00-01", "macs"},
	{"macs", "01:00:5e:00:00:01", "none of them a group's"},
	{"macs", "ff:ff:ff:ff:ff:ff", "macs"},
	{"macs", "00:00:00:00:00:00", "macs"},
	{"macs", "00:16:3e:00:00:01,", "macs"},
	{"macs", "00:16:3e:00:00:01 00:16:3e:00:00:02", "macs"},
	{"macs", "any,own", "macs"},
	{"reserved", "yes", "reserved 'yes': expected drop or forward"},
	{"storm", "100000001",
	 "storm '100000001': expected a number in 1..100000000, or 0 for any"},
	{"storm", "1G", "storm '1G'"},
	{"storm-burst", "0", "storm-burst '0': expected a number in 1..1000000;"},
	{"rate", "7", "rate '7': expected a number in 8..1000000000000, or 0 for no limit;"},
	{"rate", "1001G", "rate '1001G'"},
	{"rate", "10Gb", "rate '10Gb'"},
	{"rate", "1T", "rate '1T'"},
	{"rate", "1.5G", "rate '1.5G'"},
	{"rate", "18446744073709551615G", "rate '18446744073709551615G'"},
	{"mtu", "67", "mtu '67': expected a number in 68..9000, or 0 for the device's own"},
	{"mtu", "9001", "mtu '9001'"},
	{"queues", "0", "queues '0': expected a number in 1..16"},
	{"queues", "17", "queues '17'"},
	{"mirror", "", "mirror '': expected the name of a port, or off"},
	{"mirror", "a b", "mirror 'a b'"},
	{"mirror", "12345678901234567890123456789012", "mirror"},
};

static void
expect_text(const struct pvs_settings *set, const char *word, const char *wanted)
{
	char *text = NULL;
	unsigned int i = 0;
	size_t size = 0;
	FILE *to;

	while (strcmp(pvs_settings_name(i), word) != 0)
		i++;
	to = open_memstream(&text, &size);
	assert_true(pvs_settings_print(set, i, to));
	fclose(to);
	assert_string_equal(text, wanted);
	free(text);
}

static void
test_good(void **state)
{
	struct pvs_settings set;
	char why[PVS_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < PVN_DIM(good); i++) {
		print_message("case: %s=%s\n", good[i].word, good[i].value);
		pvs_settings_default(&set, false);
		assert_false(pvs_settings_has(&set, good[i].word));
		assert_int_equal(pvs_settings_word(&set, good[i].word, good[i].value, why), 0);
		assert_true(pvs_settings_has(&set, good[i].word));
		expect_text(&set, good[i].word,
			    good[i].text != NULL ? good[i].text : good[i].value);
	}
	for (size_t i = 0; i < PVN_DIM(good_vlans); i++) {
		const char *value = good_vlans[i].value, *text = good_vlans[i].text;

		print_message("case: vlans=%s\n", value);
		pvs_settings_default(&set, false);
		assert_int_equal(pvs_settings_word(&set, "mode", "trunk", why), 0);
		assert_int_equal(pvs_settings_word(&set, "vlans", value, why), 0);
		expect_text(&set, "vlans", text != NULL ? text : value);
	}
}

/* What is refused leaves everything as it was. */
static void
test_bad(void **state)
{
	struct pvs_settings before, set;
	char why[PVS_WHY_MAX];

	(void)state;
	memset(&before, 0, sizeof(before));
	pvs_settings_default(&before, true);
	for (size_t i = 0; i < PVN_DIM(bad); i++) {
		print_message("case: %s=%s\n", bad[i].word, bad[i].value);
		memcpy(&set, &before, sizeof(set));
		assert_true(pvs_settings_word(&set, bad[i].word, bad[i].value, why) < 0);
		print_message("  %s\n", why);
		assert_non_null(strstr(why, bad[i].part));
		assert_memory_equal(&set, &before, sizeof(set));
	}
}

/* As long as it can be, and longer. */
static void
test_long(void **state)
{
	char text[1000], why[PVS_WHY_MAX], macs[17 * 18 + 1] = "";
	struct pvs_settings set;

	(void)state;
	pvs_settings_default(&set, false);
	memset(text, 'x', sizeof(text));
	text[PVS_DEVICE_MAX] = '\0';
	assert_true(pvs_settings_word(&set, "device", text, why) < 0);
	assert_non_null(strstr(why, "x...': expected"));
	text[PVS_DEVICE_MAX - 1] = '\0';
	assert_int_equal(pvs_settings_word(&set, "device", text, why), 0);
	text[PVS_NAME_MAX - 1] = '\0';
	assert_int_equal(pvs_settings_word(&set, "mirror", text, why), 0);
	for (int i = 0; i < 17; i++) {
		snprintf(macs + 18 * i, sizeof(macs) - 18 * i, "00:16:3e:00:00:%02x,", i);
		macs[18 * i + 17] = '\0';
		assert_int_equal(pvs_settings_word(&set, "macs", macs, why), i < 16 ? 0 : -22);
		macs[18 * i + 17] = ',';
	}
	assert_int_equal(set.switch_.mac_count, 16);
}

/* ---- words together ---- */

/* "word=value ..." */
static int
take(struct pvs_settings *set, const char *words, char *why)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *pair = strtok_r(copy, " ", &save); pair != NULL;
	     pair = strtok_r(NULL, " ", &save)) {
		char *value = strchr(pair, '=');

		*value++ = '\0';
		if (pvs_settings_word(set, pair, value, why) < 0)
			return -1;
	}
	return 0;
}

static const struct {
	const char *words, *part; /* NULL: nothing is wrong */
} together[] = {
	{"", NULL},
	{"vlan=7 tagged=yes", NULL},
	{"mode=trunk vlans=1-5", NULL},
	{"mode=trunk native=7", NULL},
	{"native=7 mode=trunk", NULL},
	{"mode=off vlan=7 vlans=3", NULL},
	{"mode=off", NULL},
	{"mode=trunk", "mode=trunk needs vlans=..., or native=..."},
	{"mode=trunk native=0", "mode=trunk needs vlans"},
	{"mode=trunk vlans=none", "mode=trunk needs vlans"},
	{"mode=trunk vlans=1 vlan=5", "vlan is for a port with mode=access, and this one has"},
	{"vlan=5 mode=trunk vlans=1", "vlan is for a port with mode=access"},
	{"mode=trunk vlans=1 tagged=yes", "tagged is for a port with mode=access"},
	{"native=5", "native is for a port with mode=trunk, and this one has mode=access"},
	{"vlans=5", "vlans is for a port with mode=trunk"},
	{"queues=2 device=a", NULL},
	{"queues=2", "queues is for a port with a device"},
	{"device=a macs=own", "macs=own is for guests"},
	{"device=a macs=any", NULL},
	{"secured=yes learning=no", "secures nothing"},
	{"storm=100M storm-burst=1M", NULL},
};

static void
test_together(void **state)
{
	struct pvs_settings set;
	char why[PVS_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < PVN_DIM(together); i++) {
		print_message("case: %s\n", together[i].words);
		why[0] = '\0';
		pvs_settings_default(&set, false);
		assert_int_equal(take(&set, together[i].words, why), 0);
		assert_int_equal(pvs_settings_check(&set, why) < 0, together[i].part != NULL);
		if (together[i].part != NULL)
			assert_non_null(strstr(why, together[i].part));
	}
}

static void
test_default(void **state)
{
	struct pvs_settings port, guest;
	char why[PVS_WHY_MAX];

	(void)state;
	pvs_settings_default(&port, false);
	pvs_settings_default(&guest, true);
	assert_int_equal(pvs_settings_check(&port, why), 0);
	assert_int_equal(pvs_settings_check(&guest, why), 0);
	expect_text(&port, "mode", "access");
	expect_text(&port, "vlan", "1");
	expect_text(&port, "macs", "any");
	expect_text(&port, "learn", "1024");
	expect_text(&guest, "macs", "own");
	expect_text(&guest, "learn", "16");
	assert_false(port.given != 0 || guest.given != 0);
	assert_null(pvs_settings_name(18));
	assert_false(pvs_settings_print(&port, 18, stdout));
}

static const struct {
	const char *under, *over;
	uint16_t vid;
	const char *part; /* what is wrong afterwards */
} overlays[] = {
	{"vlan=5", "", 5, NULL},
	{"vlan=5", "rate=1M", 5, NULL},
	{"vlan=5", "vlan=6", 6, NULL},
	{"vlan=5", "mode=access", 5, NULL},
	{"vlan=5 tagged=yes", "mode=trunk vlans=1-9", 0, NULL},
	{"vlan=5", "mode=trunk native=3", 3, NULL},
	{"vlan=5", "mode=trunk vlan=6 vlans=1", 6, "vlan is for a port with mode=access"},
	{"vlan=5", "native=6", 6, "native is for a port with mode=trunk"},
	{"mode=trunk native=7 vlans=1-9", "mode=access", 1, NULL},
	{"mode=trunk native=7 vlans=1-9", "mode=access vlan=4", 4, NULL},
	{"mode=trunk native=7 vlans=1-9", "native=0", 0, NULL},
	{"mode=trunk native=7 vlans=1-9", "vlan=4", 4, "vlan is for a port with mode=access"},
	{"mode=trunk vlans=1-9", "vlans=none", 0, "mode=trunk needs vlans"},
};

static void
test_overlay(void **state)
{
	struct pvs_settings under, over;
	char why[PVS_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < PVN_DIM(overlays); i++) {
		print_message("case: %s over %s\n", overlays[i].over, overlays[i].under);
		pvs_settings_default(&under, false);
		pvs_settings_default(&over, true);
		assert_int_equal(take(&under, overlays[i].under, why), 0);
		assert_int_equal(take(&over, overlays[i].over, why), 0);
		pvs_settings_overlay(&under, &over);
		assert_int_equal(under.switch_.vid, overlays[i].vid);
		assert_int_equal(pvs_settings_check(&under, why) < 0, overlays[i].part != NULL);
		if (overlays[i].part != NULL)
			assert_non_null(strstr(why, overlays[i].part));
		assert_true(under.any_mac); /* what was not said stays */
	}
}

/* All words go from one to the other. */
static void
test_overlay_all(void **state)
{
	static const char *const words[] = {
		"device=net_null0 vlan=9 tagged=yes isolated=yes learn=5 secured=yes "
		"macs=00:16:3e:00:00:01,00:16:3e:00:00:02 reserved=forward storm=5K",
		"storm-burst=7 rate=3G mtu=1400 queues=3 mirror=m",
	};
	struct pvs_settings under, over;
	char why[PVS_WHY_MAX];

	(void)state;
	pvs_settings_default(&under, false);
	pvs_settings_default(&over, false);
	assert_int_equal(take(&over, words[0], why), 0);
	assert_int_equal(take(&over, words[1], why), 0);
	pvs_settings_overlay(&under, &over);
	assert_memory_equal(&under, &over, sizeof(under));
}

/* ---- names ---- */

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} names[] = {
		{"up", true},
		{"up.1_a-B", true},
		{"xen", true},
		{"xen3", true},
		{"xen3.0x", true},
		{"xen3.0", false},
		{"", false},
		{"off", false},
		{"a b", false},
		{"a,b", false},
		{"a=b", false},
		{"a/b", false},
		{"a\033[m", false},
		{"1234567890123456789012345678901", true},
		{"12345678901234567890123456789012", false},
	};
	char why[PVS_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < PVN_DIM(names); i++) {
		print_message("case: %s\n", names[i].name);
		assert_int_equal(pvs_name_check(names[i].name, why) == 0, names[i].good);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long),	    cmocka_unit_test(test_together),
		cmocka_unit_test(test_default),	    cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_overlay_all), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
