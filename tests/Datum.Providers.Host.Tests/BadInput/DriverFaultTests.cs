using System.Text.Json.Nodes;
using Datum.Providers.Host.Tests.Loader;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>Drivers that can't be loaded, hang or answer nonsense, all in one volume with a healthy one.</summary>
[TestFixture]
public sealed class DriverFaultTests
{
    private Stage? _stage;

    private Stage Stage => _stage!;

    [OneTimeSetUp]
    public async Task StartAsync() => _stage = await Stage.StartAsync(Fill);

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_stage is not null)
            await _stage.DisposeAsync();
    }

    private static void Fill(TestVolume volume)
    {
        foreach (var (type, id) in ((string, string)[])[("HangingConstructor", "hanging-constructor"), ("HangingConnect", "hanging-connect"), ("HangingProbe", "hanging-probe"),
            ("NullSession", "null-session"), ("ForeignException", "foreign-exception"), ("ThrowingDispose", "throwing-dispose")])
            WrittenInputTests.Spoiled(volume, type, id);
        volume.Add("plain", "throwing-constructor", m => { m["id"] = "throwing"; m["locationKey"] = "throwing"; m["entryType"] = "TestDrivers.ThrowingConstructor"; });
        volume.Add("plain", "contradicting", m => { m["id"] = "contradicting"; m["locationKey"] = "contradicting"; m["entryType"] = "TestDrivers.NullSession"; });
        volume.Add("plain", "newer", m => { m["formatVersion"] = 2; m["brandNew"] = true; });
        File.WriteAllText(Path.Combine(volume.Add("plain", "malformed"), "driver.json"), "{ not json");
        File.AppendAllText(Directory.GetFiles(volume.Add("plain", "changed", m => { m["id"] = "changed"; m["locationKey"] = "changed"; }), "*.dll").First(), "x");
        File.WriteAllText(Path.Combine(volume.Add("plain", "extra", m => { m["id"] = "extra"; m["locationKey"] = "extra"; }), "notes.txt"), "x");
    }

    [TestCase("throwing", "ConstructorFailed", "no licence found", "driver's author", TestName = "A_driver_that_throws_in_its_constructor_is_rejected_and_the_others_start")]
    [TestCase("hanging-constructor", "DescribeTimedOut", "The constructor of driver hanging-constructor didn't return within 10 s", TestName = "A_driver_that_hangs_in_its_constructor_is_rejected_and_the_others_start")]
    [TestCase("contradicting", "DescriptorInvalid", "Id is 'null-session', but driver.json says 'contradicting'", TestName = "A_driver_that_contradicts_its_manifest_is_rejected_and_the_others_start")]
    [TestCase("malformed", "ManifestInvalid", "isn't JSON", "Pack the driver again", TestName = "A_driver_json_that_is_no_JSON_is_rejected_and_the_others_start")]
    [TestCase("newer", "ManifestInvalid", "formatVersion: is 2; this host reads 1", "newer host", TestName = "A_driver_json_of_a_newer_format_is_rejected_and_the_others_start")]
    [TestCase("changed", "DigestMismatch", "isn't the file that was packed", "Copy driver changed again", TestName = "A_driver_whose_file_was_changed_is_rejected_and_the_others_start")]
    [TestCase("extra", "FileNotListed", "notes.txt", "Remove what doesn't belong there", TestName = "A_driver_with_a_file_too_many_is_rejected_and_the_others_start")]
    public async Task A_rejected_driver(string name, string reason, params string[] parts)
    {
        JsonNode? status = null;
        await Stage.UntilAsync(async () => (status = (await Stage.GetAsync(Space.Ours, "providerdrivers", null, name))["status"]) is null ? "no status" : null);
        Assert.That(((string?)status!["state"], (string?)status["reason"]), Is.EqualTo(("Rejected", reason)));
        foreach (var part in parts)
            Assert.That((string?)status["message"], Does.Contain(part));
        Assert.That(Stage.Log.Of(1202), Has.Some.Contains(reason).And.Some.Contains(parts[0]));
        await (await Stage.SpaceAsync()).EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task A_driver_that_hangs_in_Probe_or_Connect_holds_nobody_up_and_is_told()
    {
        var space = await Stage.SpaceAsync();
        foreach (var id in (string[])["hanging-probe", "hanging-connect"])
        {
            await ConfigAsync(id);
            // More than there are workers that look at Locations.
            for (var i = 0; i < 4; i++)
                await space.LocationAsync($"{id}-{i}", $"{{{id}: {{}}}}", className: id);
        }

        await space.LocationIsAsync("hanging-probe-0", "Ready", "Waiting");
        await space.LocationIsAsync("hanging-connect-0", "Ready", "Waiting");
        await space.EverythingElseGoesOnAsync();

        var failed = await space.LocationIsAsync("hanging-probe-0", "Ready", "ProbeFailed", TimeSpan.FromSeconds(60));
        Assert.That((string?)failed["message"], Does.StartWith("Timeout: ProbeAsync of driver hanging-probe didn't return by its deadline and was given up"));
        await Stage.EventAsync(space.Name, "Location", "hanging-probe-0", "ProbeFailed");
        await space.EverythingElseGoesOnAsync();
    }

    [TestCase("null-session", "broke the contract: the session is null", TestName = "A_driver_that_returns_no_session_is_told_and_the_others_go_on")]
    [TestCase("foreign-exception", "threw TestDrivers.PlainException: the wire broke", TestName = "A_driver_that_throws_what_the_host_doesnt_know_is_told_and_the_others_go_on")]
    public async Task A_session_that_isnt_there(string id, string part)
    {
        var space = await Stage.SpaceAsync();
        await ConfigAsync(id);
        await space.LocationAsync("bad", $"{{{id}: {{}}}}", className: id);

        var ready = await space.LocationIsAsync("bad", "Ready", "ProbeFailed");
        Assert.That((string?)ready["message"], Does.StartWith("Bug: ConnectAsync of driver " + id).And.Contains(part));
        await space.EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task A_driver_that_throws_when_its_session_is_closed_is_logged_and_its_next_session_opens()
    {
        await ConfigAsync("throwing-dispose");
        await Stage.ConditionAsync(Space.Ours, "providerconfigs", null, "throwing-dispose", "Ready", "ProbeSucceeded");

        await Stage.PatchAsync(Space.Ours, "providerconfigs", null, "throwing-dispose", """{"spec":{"allowSecretsInUserData":true}}""");
        await Stage.UntilAsync(() => Task.FromResult(Stage.Log.All.Any(l => l.Contains("DisposeAsync of driver throwing-dispose: Exception: TestDrivers.PlainException: dispose went wrong", StringComparison.Ordinal)) ? null : "not logged"));
        await Stage.UntilAsync(() => Task.FromResult(Stage.Log.Of(2001).Count(l => l.Contains("throwing-dispose", StringComparison.Ordinal)) >= 2 ? null : "no second session"));
        await (await Stage.SpaceAsync()).EverythingElseGoesOnAsync();
    }

    private Task ConfigAsync(string id) =>
        Stage.ApplyAsync($"apiVersion: {Space.Ours}\nkind: ProviderConfig\nmetadata: {{name: {id}}}\nspec: {{driver: {id}, locations: {{classNames: [{id}]}}}}");
}
