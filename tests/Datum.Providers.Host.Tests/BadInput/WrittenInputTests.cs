using System.Text.Json.Nodes;
using Datum.Providers.Host.Tests.Loader;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>What users and operators write wrongly into Locations, ProviderConfigs, Secrets and Workloads.</summary>
[TestFixture]
public sealed class WrittenInputTests
{
    private Stage? _stage;
    private Space? _space;

    private Stage Stage => _stage!;

    private Space Space => _space!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await Stage.StartAsync(Fill);

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_stage is not null)
            await _stage.DisposeAsync();
    }

    [SetUp]
    public async Task BeginAsync() => _space = await Stage.SpaceAsync();

    private static void Fill(TestVolume volume)
    {
        Spoiled(volume, "NeedsToken", "needs-token");
        volume.Add("plain", "wrong-contract", m => { m["id"] = "old"; m["locationKey"] = "oldCloud"; m["contract"] = new JsonObject { ["min"] = "99.0", ["max"] = "99" }; });
    }

    internal static void Spoiled(TestVolume volume, string type, string id) =>
        volume.Add("plain", id, m => { m["id"] = id; m["locationKey"] = id; m["entryType"] = "TestDrivers." + type; });

    [TestCase("{vmware: {dc: a}}", "DriverMissing", "spec.provider.vmware: No driver 'vmware'", "loaded are", "simulator", "restart the host", TestName = "A_provider_block_that_no_driver_serves_is_told_with_the_drivers_that_there_are")]
    [TestCase("{oldCloud: {}}", "DriverMissing", "spec.provider.oldCloud", "was rejected at start (ContractMismatch)", "this host has", TestName = "A_provider_block_of_a_driver_that_was_rejected_says_why")]
    [TestCase("{simulator: {}}", "InvalidLocation", "spec.provider.simulator.zone is missing", TestName = "A_provider_block_without_a_required_field_names_it")]
    [TestCase("{simulator: {zone: 3}}", "InvalidLocation", "spec.provider.simulator.zone must be of type string", TestName = "A_field_of_the_wrong_type_in_a_provider_block_is_named")]
    [TestCase("{simulator: {zone: z1, color: red}}", "InvalidLocation", "spec.provider.simulator.color isn't known", "region, zone", TestName = "An_unknown_field_in_a_provider_block_is_told_with_the_known_ones")]
    public async Task A_wrong_provider_block(string provider, string reason, params string[] parts)
    {
        await Space.LocationAsync("bad", provider);

        var accepted = await Space.LocationIsAsync("bad", "Accepted", reason);
        Says(accepted, parts);
        Says(await Space.LocationIsAsync("bad", "Ready", reason), parts);
        var told = await Stage.EventAsync(Space.Name, "Location", "bad", reason);
        Says(told, parts);
        Assert.That(((string?)told["type"], (int?)told["count"]), Is.EqualTo(("Warning", 1)));
        await Space.EverythingElseGoesOnAsync();
    }

    [TestCase("null", "spec.provider", TestName = "A_provider_that_is_null_is_refused_by_the_plane")]
    [TestCase("{}", "spec.provider", TestName = "An_empty_provider_is_refused_by_the_plane")]
    [TestCase("[]", "spec.provider in body must be of type object", TestName = "A_provider_that_is_a_list_is_refused_by_the_plane")]
    [TestCase("text", "spec.provider in body must be of type object", TestName = "A_provider_that_is_a_string_is_refused_by_the_plane")]
    [TestCase("{simulator: {zone: z1}, podman: {}}", "spec.provider: Too many: 2", TestName = "Two_provider_blocks_are_refused_by_the_plane")]
    [TestCase("{simulator: text}", "spec.provider.simulator in body must be of type object", TestName = "A_provider_block_that_is_a_string_is_refused_by_the_plane")]
    public async Task A_provider_that_the_schema_refuses(string provider, string field)
    {
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => Space.LocationAsync("bad", provider));

        Assert.That(refused!.Code, Is.EqualTo(422));
        Assert.That(refused.Message, Does.Contain(field));
        await Space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task An_annotation_that_contradicts_the_provider_block_is_told()
    {
        await Space.LocationAsync("bad", "{simulator: {zone: z1}}", annotation: "'{\"simulator\": {\"zone\": \"z2\"}}'");
        await Space.LocationAsync("worse", "{simulator: {zone: z1}}", annotation: "'{'");

        Says(await Space.LocationIsAsync("bad", "Accepted", "InvalidLocation"), "carry different blocks", "remove one");
        Says(await Space.LocationIsAsync("worse", "Accepted", "InvalidLocation"), "metadata.annotations[providers.datumapis.com/provider] isn't JSON");
        await Space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task A_Location_that_no_ProviderConfig_matches_says_what_there_is_and_goes_on_when_there_is_one()
    {
        await Space.LocationAsync("bad", "{simulator: {zone: z1}}", className: $"class-{Space.Name}");

        Says(await Space.LocationIsAsync("bad", "Accepted", "ProviderConfigNotFound"), $"class class-{Space.Name}", "good (classNames good)", "Create one, or widen spec.locations");
        await Space.EverythingElseGoesOnAsync();

        await ConfigAsync("late", "driver: simulator", $"class-{Space.Name}", $"settings: {{statePath: {Stage.Folder}/platform}}");
        await Space.LocationIsAsync("bad", "Ready", "ProbeSucceeded");
    }

    [Test]
    public async Task Two_ProviderConfigs_that_match_one_Location_are_both_named()
    {
        await ConfigAsync("one", "driver: simulator", $"class-{Space.Name}", $"settings: {{statePath: {Stage.Folder}/platform}}");
        await ConfigAsync("two", "driver: simulator", $"class-{Space.Name}", $"settings: {{statePath: {Stage.Folder}/platform}}");
        await Space.LocationAsync("bad", "{simulator: {zone: z1}}", className: $"class-{Space.Name}");

        Says(await Space.LocationIsAsync("bad", "Accepted", "ProviderConfigAmbiguous"), $"one-{Space.Name}, two-{Space.Name}", "Narrow");
        await Space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task A_running_instance_stays_Programmed_when_its_Location_is_served_by_nobody_any_more()
    {
        await Space.LocationAsync("place", "{simulator: {zone: z1}}", city: "KEEP");
        await Space.NetworkAsync();
        await Space.WorkloadAsync("kept", "KEEP");
        await Space.AvailableAsync("kept");

        await Stage.PatchAsync(Space.Networking, "locations", Space.Name, "place", """{"spec":{"locationClassName":"nobodys"}}""");
        await Space.LocationIsAsync("place", "Accepted", "ProviderConfigNotFound");
        await Stage.PatchAsync(Space.Compute, "instances", Space.Name, "kept-p-keep-0", """{"metadata":{"annotations":{"example.com/touched":"yes"}}}""");
        await Stage.UntilAsync(async () =>
        {
            var programmed = await Stage.ConditionAsync(Space.Compute, "instances", Space.Name, "kept-p-keep-0", "Programmed", "Programmed");
            return ((string?)programmed["message"])!.Contains("ProviderConfigNotFound", StringComparison.Ordinal) && (string?)programmed["status"] == "True" ? null : programmed.ToJsonString();
        });
        Assert.That((string?)(await Stage.ConditionAsync(Space.Compute, "instances", Space.Name, "kept-p-keep-0", "Ready", "Running"))["status"], Is.EqualTo("True"));
        await Space.AvailableAsync("kept");
        await Space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task An_unknown_instance_type_is_told_with_the_known_ones()
    {
        await Space.LocationAsync("place", "{simulator: {zone: z1}}", city: "TYPE");
        await Space.NetworkAsync();
        await Space.WorkloadAsync("bad", "TYPE", "datumcloud/d9-gigantic");

        string[] parts = ["spec.runtime.resources.instanceType", "'datumcloud/d9-gigantic' is unknown", "known are datumcloud/d1-standard-2", "ProviderConfig"];
        Says(await Stage.ConditionAsync(Space.Compute, "instances", Space.Name, "bad-p-type-0", "Programmed", "ConfigurationError"), parts);
        Says(await Stage.EventAsync(Space.Name, "Instance", "bad-p-type-0", "ConfigurationError"), parts);
        await Stage.UntilAsync(async () => ((string?)(await Stage.ConditionAsync(Space.Compute, "workloads", Space.Name, "bad", "Available", "NoAvailablePlacements"))["message"])!
            .Contains(parts[0], StringComparison.Ordinal) ? null : "the Workload doesn't say it yet");
        await Space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task A_city_that_no_Location_has_is_told_with_the_cities_that_there_are()
    {
        await Space.LocationAsync("place", "{simulator: {zone: z1}}", city: "DFW");
        await Space.NetworkAsync();
        await Space.WorkloadAsync("bad", "NOWHERE");

        await Stage.UntilAsync(async () =>
        {
            var message = (string?)(await Stage.ConditionAsync(Space.Compute, "workloads", Space.Name, "bad", "Available", "NoAvailablePlacements"))["message"];
            return message!.Contains("No Location has the city code NOWHERE; there are DFW.", StringComparison.Ordinal) && message.Contains("cityCodes", StringComparison.Ordinal) ? null : message;
        });
        await Space.EverythingElseGoesOnAsync();
    }

    [TestCase("driver: nothere", "", "DriverMissing", "No driver 'nothere'", "loaded are", "restart the host", TestName = "A_ProviderConfig_whose_driver_isnt_there_names_those_that_are")]
    [TestCase("driver: simulator", "settings: {statePath: /tmp, color: red}", "InvalidConfig", "spec.settings.color isn't known to the driver; it takes statePath", TestName = "An_unknown_setting_is_told_with_the_known_ones")]
    [TestCase("driver: simulator", "settings: {statePath: 3}", "InvalidConfig", "spec.settings.statePath must be of type string, found Number", TestName = "A_setting_of_the_wrong_type_is_named")]
    [TestCase("driver: simulator", "endpoint: not a url", "InvalidConfig", "spec.endpoint 'not a url' is no absolute URL", TestName = "An_endpoint_that_is_no_URL_is_named")]
    [TestCase("driver: simulator", "endpoint: 'http://127.0.0.1:1'", "ProbeFailed", "Unavailable:", "127.0.0.1:1", TestName = "An_endpoint_that_nobody_listens_on_is_told_with_its_address")]
    [TestCase("driver: needs-token", "credentials: {source: Secret, secretRef: {name: nope}}", "CredentialsMissing", "spec.credentials.secretRef: Secret default/nope doesn't exist", "Create it", TestName = "A_Secret_that_doesnt_exist_is_named")]
    [TestCase("driver: needs-token", "", "CredentialsMissing", "lack the key 'token' (The account's token)", "They have no key", TestName = "Credentials_that_are_needed_and_not_there_are_named")]
    public async Task A_wrong_ProviderConfig(string driver, string rest, string reason, params string[] parts)
    {
        var name = await ConfigAsync("bad", driver, $"class-{Space.Name}", rest);
        if (driver == "driver: simulator")
        {
            await Space.LocationAsync("bad", "{simulator: {zone: z1}}", className: $"class-{Space.Name}");
            Says(await Space.LocationIsAsync("bad", "Ready", reason), parts);
        }

        Says(await Stage.ConditionAsync(Space.Ours, "providerconfigs", null, name, "Ready", reason), parts);
        Says(await Stage.EventAsync("default", "ProviderConfig", name, reason), parts);
        await Space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task A_credentials_source_without_its_reference_is_refused_by_the_plane()
    {
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => ConfigAsync("bad", "driver: needs-token", $"class-{Space.Name}", "credentials: {source: Secret}"));

        Assert.That(refused!.Code, Is.EqualTo(422));
        Assert.That(refused.Message, Does.Contain("spec.credentials.secretRef: Required value: source Secret needs secretRef.name"));
        await Space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task A_field_that_a_ProviderConfig_doesnt_have_is_refused_or_warned_of_by_the_plane()
    {
        var node = Stage.Json(Stage.GoodConfig("/x").Replace("{name: good}", "{name: unknown-field}", StringComparison.Ordinal));
        node["spec"]!["fooBar"] = 1;

        var refused = await Assert.ThrowsAsync<KubernetesException>(() => Stage.Client.RawAsync(HttpMethod.Post, "/apis/providers.datumapis.com/v1alpha1/providerconfigs?fieldValidation=Strict",
            System.Text.Encoding.UTF8.GetBytes(node.ToJsonString()), "application/json", CancellationToken.None));

        Assert.That(refused!.Message, Does.Contain("unknown field \"spec.fooBar\""));
    }

    [TestCase("tokn", "right", "CredentialsMissing", "lack the key 'token'", "They have tokn", TestName = "A_Secret_with_the_wrong_key_is_told_with_its_keys")]
    [TestCase("token", "right\n", "ProbeFailed", "Unauthenticated: The token isn't accepted.", "'token' ends with a line break", TestName = "A_credential_that_ends_with_a_line_break_is_told_so")]
    [TestCase("token", " right", "ProbeFailed", "Unauthenticated", "'token' begins or ends with a blank", TestName = "A_credential_with_a_blank_around_it_is_told_so")]
    [TestCase("token", "\u00ff\u00fe\u0001", "ProbeFailed", "Unauthenticated", "'token' holds bytes that are no text", TestName = "A_binary_credential_is_told_so")]
    [TestCase("token", "", "ProbeFailed", "Unauthenticated", "'token' is empty", TestName = "An_empty_credential_is_told_so")]
    public async Task A_wrong_Secret(string key, string value, string reason, params string[] parts)
    {
        var bytes = Convert.ToBase64String(System.Text.Encoding.Latin1.GetBytes(value));
        await Stage.ApplyAsync($"apiVersion: v1\nkind: Secret\nmetadata: {{name: s-{Space.Name}, namespace: default}}\ndata: {{{key}: \"{bytes}\"}}");
        var name = await ConfigAsync("bad", "driver: needs-token", $"class-{Space.Name}", $"credentials: {{source: Secret, secretRef: {{name: s-{Space.Name}}}}}");

        var ready = await Stage.ConditionAsync(Space.Ours, "providerconfigs", null, name, "Ready", reason);
        Says(ready, parts);
        if (value.Trim() == "right")
            Assert.That((string?)ready["message"], Does.Not.Contain("right"), "L12: no value is told");
        await Space.EverythingElseGoesOnAsync();

        // Corrected, and noticed with the next change of the config.
        await Stage.PatchAsync("v1", "secrets", "default", $"s-{Space.Name}", $"{{\"data\":{{\"token\":\"{Convert.ToBase64String("right"u8)}\"}}}}");
        await Stage.PatchAsync(Space.Ours, "providerconfigs", null, name, """{"spec":{"allowSecretsInUserData":true}}""");
        await Stage.ConditionAsync(Space.Ours, "providerconfigs", null, name, "Ready", "ProbeSucceeded");
    }

    [Test]
    public async Task The_same_trouble_is_one_event_that_isnt_repeated()
    {
        await Space.LocationAsync("bad", "{vmware: {}}");
        await Space.LocationIsAsync("bad", "Accepted", "DriverMissing");
        await Stage.EventAsync(Space.Name, "Location", "bad", "DriverMissing");
        // Every ProviderConfig that changes has all Locations looked at again.
        for (var i = 0; i < 5; i++)
            await Stage.PatchAsync(Space.Ours, "providerconfigs", null, "good", $"{{\"spec\":{{\"images\":{{\"alias\":\"image-{i}\"}}}}}}");
        await Space.EverythingElseGoesOnAsync();

        Assert.That((int?)(await Stage.EventAsync(Space.Name, "Location", "bad", "DriverMissing"))["count"], Is.EqualTo(1));
    }

    private async Task<string> ConfigAsync(string prefix, string driver, string className, string rest)
    {
        var name = $"{prefix}-{Space.Name}";
        await Stage.ApplyAsync($"apiVersion: {Space.Ours}\nkind: ProviderConfig\nmetadata: {{name: {name}}}\nspec:\n  {driver}\n  locations: {{classNames: [{className}]}}\n{(rest.Length == 0 ? "" : "  " + rest + "\n")}");
        return name;
    }

    private static void Says(JsonNode condition, params string[] parts)
    {
        foreach (var part in parts)
            Assert.That((string?)condition["message"], Does.Contain(part));
    }
}
