using System.Text;
using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>Credentials are renewed while everything works on: no restart, no failed call, and never another account by mistake.</summary>
internal sealed class CredentialRotationTests
{
    [Test]
    public void Work_goes_on_without_a_failed_call_while_the_secret_changes_and_the_old_credential_ends()
    {
        using var world = Guarded(new SimulatorKnobs { Latency = TimeSpan.FromMilliseconds(80), LatencyJitter = TimeSpan.FromMilliseconds(200) });
        world.Running();
        var requests = world.Requests.Count;
        for (var version = 2; version <= 9; version++)
        {
            var image = $"web:{version}";
            world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = image);
            // In the middle of a replacement.
            world.Advance(TimeSpan.FromSeconds(0.35 * version));
            if (version == 3)
            {
                world.Door!.Accept("second");
                world.WriteSecret("second");
            }
            if (version == 6)
                world.Door!.Revoke("first");
            world.Until($"{image} runs", () => world.Runs(image) && world.AllReady);
        }

        Assert.That(world.Door!.Refused, Is.Zero);
        Assert.That(world.Log.Lines.Where(l => l.Level >= LogLevel.Warning).Select(l => l.Text), Is.Empty);
        Assert.That(world.Door.Served["second"], Is.GreaterThan(100));
        Assert.That(world.Door.SignedOut, Is.EqualTo(["first"]), "the old session is closed, the new one isn't");
        Assert.That(world.Requests, Has.Count.GreaterThan(requests + 200));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
        Assert.That(world.OfConfig("CredentialsCurrent")?.Status, Is.EqualTo(ConditionStatus.True));
    }

    [Test]
    public void Calls_under_way_end_on_the_old_session()
    {
        using var world = Guarded(new SimulatorKnobs { Latency = TimeSpan.FromSeconds(4) });
        world.CreateNetwork();
        world.Until("a call is under way", () => world.Requests.Any(r => r.Method == HttpMethod.Post && r.Path == "/v1/networks"));
        world.Door!.Accept("second");
        world.WriteSecret("second");
        world.Until("the new session works", () => world.Door.Served.GetValueOrDefault("second") > 1);
        world.Until("the network is there", () => world.Entries is { Count: 2 } && world.AllReady);
        Assert.That(world.Door.Refused, Is.Zero);
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
        Assert.That(world.Log.Errors, Is.Empty);
    }

    [Test]
    public void New_credentials_that_the_platform_refuses_are_told_and_the_old_ones_work_on()
    {
        using var world = Guarded();
        world.Running();
        world.WriteSecret("mistyped");
        world.Until("it is told", () => world.OfConfig("CredentialsCurrent") is { Status: ConditionStatus.False, Reason: Reasons.ProbeFailed });
        Assert.That(world.OfConfig(ConditionTypes.Ready)?.Status, Is.EqualTo(ConditionStatus.True));
        Assert.That(world.OfLocation(ConditionTypes.Ready)?.Status, Is.EqualTo(ConditionStatus.True));
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("work goes on", () => world.Runs("web:2") && world.AllReady);
        world.Door!.Accept("second");
        world.WriteSecret("second");
        world.Until("the right ones are taken", () => world.Door.SignedOut.Contains("first") && world.OfConfig("CredentialsCurrent")?.Status == ConditionStatus.True, TimeSpan.FromSeconds(10));
        Assert.That(world.Describe(), Does.Not.Contain("mistyped"));
    }

    [Test]
    public void L15_new_credentials_of_another_account_are_not_taken()
    {
        using var world = Guarded();
        world.Running();
        world.Door!.Accept("second", account: "somebody-elses");
        world.WriteSecret("second");
        world.Until("it is told", () => world.OfConfig("CredentialsCurrent") is { Status: ConditionStatus.False, Reason: Reasons.AccountChanged });
        Assert.That(world.OfConfig("CredentialsCurrent")!.Message, Does.Contain("somebody-elses").And.Contain("sim-account"));
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the old ones work on", () => world.Runs("web:2") && world.AllReady);
        Assert.That(world.Entries.Select(e => e.Spec.Record.AccountId), Is.All.EqualTo("sim-account"));
        Assert.That(world.Config.Status!.AccountId, Is.EqualTo("sim-account"));
        // Taken back: nothing is left of it.
        world.WriteSecret("first");
        world.Until("all is well", () => world.OfConfig("CredentialsCurrent")?.Status == ConditionStatus.True);
    }

    [Test]
    public void A_secret_that_comes_late_is_used_at_once_not_after_the_delay_of_the_last_failure()
    {
        using var world = new EngineWorld(furnish: w =>
        {
            w.Door = new CredentialDoor().Accept("first");
            w.CreateConfig(EngineWorld.FromSecret);
            w.CreateLocation();
        });
        world.Advance(TimeSpan.FromHours(2));
        Assert.That(world.OfLocation(ConditionTypes.Ready)?.Reason, Is.EqualTo(Reasons.CredentialsMissing));
        world.WriteSecret("first");
        world.Until("the location is ready", () => world.OfLocation(ConditionTypes.Ready)?.Status == ConditionStatus.True, TimeSpan.FromSeconds(10));
    }

    [Test]
    public void L14_a_secret_of_the_same_name_elsewhere_is_nobodys_credential()
    {
        using var world = Guarded();
        world.Running();
        var opened = world.Log.Lines.Count(l => l.Text.StartsWith("Session of driver", StringComparison.Ordinal));
        world.WriteSecret("planted", ns: EngineWorld.Namespace);
        world.WriteSecret("planted", name: "another");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Log.Lines.Count(l => l.Text.StartsWith("Session of driver", StringComparison.Ordinal)), Is.EqualTo(opened));
        Assert.That(world.Door!.Refused, Is.Zero);
    }

    [Test]
    public void One_session_is_opened_at_the_start_and_none_while_nothing_changes()
    {
        using var world = Guarded();
        world.Running();
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Log.Lines.Count(l => l.Text.StartsWith("Session of driver", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public void A_file_that_changes_opens_a_new_session()
    {
        var version = "1";
        using var world = new EngineWorld(furnish: w =>
        {
            w.Door = new CredentialDoor().Accept("first").Accept("second");
            w.FileValue = "first";
            w.CredentialFiles = _ => version;
            w.CreateConfig(c => c.Credentials = new ProviderCredentials { Source = CredentialsSource.File, File = new FileCredentials { Path = "/etc/cloud" } });
            w.CreateLocation();
        });
        world.Running();
        world.FileValue = "second";
        version = "2";
        world.Until("the new session is there", () => world.Door!.SignedOut.Contains("first"), TimeSpan.FromSeconds(15));
        Assert.That(world.Door!.Refused, Is.Zero);
    }

    [Test]
    public void L12_watching_a_secret_keeps_none_of_its_values()
    {
        var canary = Convert.ToBase64String(Encoding.UTF8.GetBytes("canary-8c21"));
        var read = JsonSerializer.Deserialize($$"""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x","resourceVersion":"7"},"data":{"token":"{{canary}}"},"stringData":{"token":"canary-8c21"},"type":"Opaque"}""", Core.SecretMetadata.Json)!;
        Assert.That(read.Metadata.ResourceVersion, Is.EqualTo("7"));
        Assert.That(JsonSerializer.Serialize(read, Core.SecretMetadata.Json), Does.Not.Contain(canary).And.Not.Contain("canary"));
        Assert.That(read.Unknown?.Keys, Is.EqualTo(["type"]));
    }

    private static EngineWorld Guarded(SimulatorKnobs? knobs = null) => new(knobs, furnish: w =>
    {
        w.Door = new CredentialDoor().Accept("first");
        w.WriteSecret("first");
        w.CreateConfig(EngineWorld.FromSecret);
        w.CreateLocation();
    });
}
