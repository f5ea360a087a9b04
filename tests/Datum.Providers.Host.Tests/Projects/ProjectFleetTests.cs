using Datum.Providers.Host.Projects;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Tests.Projects;

/// <summary>One host, many projects: what one of them does or suffers stays with it.</summary>
[TestFixture]
internal sealed class ProjectFleetTests
{
    [Test]
    public async Task Projects_that_hang_or_go_disturb_no_other_and_nothing_is_made_twice_or_deleted()
    {
        await using var stage = await ProjectStage.StartAsync();
        foreach (var project in new[] { "hung", "midway", "gone", "well" })
            await stage.ProjectAsync(project);
        stage.Proxy.Faults["hung"] = DoorFault.Hangs;
        stage.StartHost("projects: {selector: env=test}\n");
        foreach (var project in new[] { "midway", "gone", "well" })
            await stage.WorkloadAsync(project, "first");
        foreach (var project in new[] { "midway", "gone", "well" })
            await stage.AvailableAsync(project, "first");
        Assert.That(stage.States["hung"].State, Is.AnyOf(PlaneState.Engaging, PlaneState.Waiting));
        var before = await stage.LedgerAsync("gone");
        Assert.That(before, Is.Not.Empty);

        stage.Proxy.Faults["midway"] = DoorFault.Hangs;
        await stage.LabelAsync("gone", null);
        await stage.UntilAsync(() => Task.FromResult(stage.States.ContainsKey("gone") ? "gone is still there" : null));
        await stage.WorkloadAsync("midway", "second");
        await stage.WorkloadAsync("well", "second");
        await stage.AvailableAsync("well", "second");

        await stage.UntilAsync(async () => (await stage.LedgerAsync("gone")).All(e => Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready)?.Reason == Reasons.PlaneNotEngaged) ? null : "its entries don't say so");
        var after = await stage.LedgerAsync("gone");
        Assert.That(after.Select(Made), Is.EqualTo(before.Select(Made)), "drained: all that was made stays as it is");
        Assert.That(after.Select(e => e.Spec.Wanted), Is.All.True);

        // They come back, with everything that they wanted meanwhile.
        stage.Proxy.Faults.Clear();
        await stage.LabelAsync("gone", "test");
        await stage.WorkloadAsync("hung", "first");
        foreach (var (project, workload) in new[] { ("midway", "second"), ("hung", "first") })
            await stage.AvailableAsync(project, workload);
        await stage.StateAsync("gone", PlaneState.Engaged);
        await stage.UntilAsync(async () => (await stage.LedgerAsync("gone")).All(e => Conditions.IsTrue(e.Status?.Conditions, ConditionTypes.Ready)) ? null : "its entries aren't Ready again");
        Assert.That((await stage.LedgerAsync("gone")).Select(Made), Is.EqualTo(before.Select(Made)));
        foreach (var project in new[] { "hung", "midway", "gone", "well" })
        {
            var ledger = await stage.LedgerAsync(project);
            Assert.That(ledger.Count(e => e.Spec.Kind == "Instance"), Is.EqualTo(project is "midway" or "well" ? 2 : 1), project);
            Assert.That(ledger.Select(e => e.Spec.Record.Incarnation), Is.All.EqualTo(1), project);
        }
        var machines = await stage.MachinesAsync();
        Assert.That(machines, Is.Unique);
    }

    [Test]
    public async Task A_project_that_breaks_or_refuses_waits_alone_and_one_that_is_not_supported_is_left_untouched()
    {
        await using var stage = await ProjectStage.StartAsync();
        foreach (var project in new[] { "broken", "closed", "well" })
            await stage.ProjectAsync(project);
        stage.Proxy.Faults["broken"] = DoorFault.Breaks;
        stage.Proxy.Faults["closed"] = DoorFault.Refuses;
        stage.StartHost();
        await stage.WorkloadAsync("well", "first");
        await stage.AvailableAsync("well", "first");
        await stage.StateAsync("broken", PlaneState.Waiting);
        await stage.StateAsync("closed", PlaneState.Waiting);
        Assert.That(stage.Log.Of(1502).Any(l => l.Contains("Project broken", StringComparison.Ordinal)), Is.True);
        stage.Proxy.Faults.Clear();
        await stage.StateAsync("broken", PlaneState.Engaged);
        await stage.StateAsync("closed", PlaneState.Engaged);
    }

    [Test]
    public async Task An_export_policy_of_a_project_is_answered_there()
    {
        await using var stage = await ProjectStage.StartAsync();
        await stage.ProjectAsync("exporting");
        stage.StartHost();
        await stage.StateAsync("exporting", PlaneState.Engaged);
        var policy = new Resources.Telemetry.ExportPolicy { Metadata = { Name = "metrics", Namespace = "default" } };
        policy.Spec.Sources = [new() { Name = "all", Metrics = new() { Metricsql = "{service_name=\"x\"}" } }];
        policy.Spec.Sinks = [new() { Name = "there", Sources = ["all"], Target = new() { PrometheusRemoteWrite = new() { Endpoint = "https://receiver.example.com/api/v1/write", Batch = new() { MaxSize = 100, Timeout = "5s" }, Retry = new() { MaxAttempts = 3, BackoffDuration = "2s" } } } }];
        await stage.Of("exporting").CreateAsync(ResourceTypes.ExportPolicies, ResourceTypes.ExportPolicies.Stamp(policy), CancellationToken.None);
        await stage.UntilAsync(async () =>
            Conditions.Find((await stage.Of("exporting").FindAsync(ResourceTypes.ExportPolicies, new Kubernetes.ObjectKey("default", "metrics"), CancellationToken.None))?.Status?.Conditions, ConditionTypes.Ready)?.Reason == Reasons.ExportDisabled
                ? null : "nobody says that nothing is sent");
    }

    [Test]
    public async Task A_deleted_project_is_worked_on_until_its_machines_are_gone()
    {
        await using var stage = await ProjectStage.StartAsync();
        await stage.ProjectAsync("going");
        stage.StartHost(personal: true);
        await stage.WorkloadAsync("going", "first");
        await stage.AvailableAsync("going", "first");
        await stage.DeleteProjectAsync("going");
        await stage.UntilAsync(async () => (await stage.LedgerAsync("going")).Count == 0 ? null : "its entries are still there");
        await stage.UntilAsync(async () => await stage.Home.FindAsync(ResourceTypes.Projects, new Kubernetes.ObjectKey(null, "going"), CancellationToken.None) is null ? null : "the Project is still there");
    }

    [Test]
    public async Task A_plane_of_a_later_era_is_only_read_and_says_so()
    {
        await using var stage = await ProjectStage.StartAsync();
        await stage.ProjectAsync("later");
        await stage.InstallAsync("""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: networkinterfaces.networking.datumapis.com}
            spec:
              group: networking.datumapis.com
              scope: Namespaced
              names: {plural: networkinterfaces, singular: networkinterface, kind: NetworkInterface}
              versions:
              - {name: v1alpha, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true} } }
            """);
        stage.StartHost();
        await stage.StateAsync("later", PlaneState.Unsupported);
        Assert.That(stage.States["later"].Why, Does.Contain("networkinterfaces"));
        Assert.That(stage.Log.Of(1503).Single(), Does.Contain("Project later"));
        Assert.That(stage.Proxy.Passed.Select(p => p.Method), Is.Not.Empty.And.All.EqualTo("GET"));
    }

    private static string Made(ManagedResource entry) =>
        $"{entry.Metadata.Name} {entry.Spec.Kind} {entry.Spec.Record.Incarnation} {string.Join(',', entry.Spec.Record.Parts?.Select(p => p.Id) ?? [])}";
}
