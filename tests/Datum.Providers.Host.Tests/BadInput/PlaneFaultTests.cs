using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>An API server that is down, foreign, or doesn't let the host in.</summary>
[TestFixture]
public sealed class PlaneFaultTests
{
    [Test]
    public async Task A_plane_that_is_down_at_start_ends_the_start_with_what_to_do()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await stage.StopPlaneAsync();

        var error = await Assert.ThrowsAsync<HostStartException>(() => stage.StartHostAsync());

        Assert.That(error!.Message, Does.StartWith("The API server doesn't answer: ").And.Contains("127.0.0.1").And.Contains("clusters[].cluster"));
    }

    [Test]
    public async Task A_plane_without_our_kinds_ends_the_start_and_names_them()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);

        var error = await Assert.ThrowsAsync<HostStartException>(() => stage.StartHostAsync());

        Assert.That(error!.Message, Does.Contain("managedresources.providers.datumapis.com (v1alpha1)").And.Contains("instances.compute.datumapis.com (v1alpha)").And.Contains("--install-crds"));
    }

    [Test]
    public async Task A_namespace_that_doesnt_exist_ends_the_start_with_the_command_that_makes_it()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await stage.InstallKindsAsync();

        var error = await Assert.ThrowsAsync<HostStartException>(() => stage.StartHostAsync(ns: "nowhere"));

        Assert.That(error!.Message, Does.StartWith("Namespace nowhere,").And.Contains("kubectl create namespace nowhere").And.Contains("--namespace"));
    }

    [Test]
    public async Task A_plane_that_goes_down_is_told_once_and_when_it_comes_back_everything_goes_on()
    {
        await using var stage = await Stage.StartAsync();
        var space = await stage.SpaceAsync();
        await space.EverythingElseGoesOnAsync();

        var port = await stage.StopPlaneAsync();
        await stage.LogsAsync(1301, "doesn't serve the host", "goes on");
        await stage.StartPlaneAsync(port);
        await stage.LogsAsync(1302, "answers again");
        await space.EverythingElseGoesOnAsync();

        Assert.That(stage.Log.Of(1301), Has.Count.EqualTo(1));
        Assert.That(stage.Run.IsCompleted, Is.False);
    }

    [Test]
    public async Task A_host_whose_plane_stays_away_loses_its_lease_and_ends_with_a_sentence()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await stage.InstallKindsAsync();
        await stage.StartHostAsync(lease: true);

        await stage.StopPlaneAsync();
        var error = await Assert.ThrowsAsync<HostStartException>(() => stage.Run.WaitAsync(TimeSpan.FromSeconds(60)));

        Assert.That(error!.Message, Does.StartWith("The lease default/datum-providers was lost").And.Contains("start the host again"));
    }

    [TestCase("list", "instances.compute.datumapis.com", TestName = "A_right_to_list_that_is_missing_is_named_and_the_host_goes_on_once_it_is_granted")]
    [TestCase("watch", "networks.networking.datumapis.com", TestName = "A_right_to_watch_that_is_missing_is_named_and_the_host_goes_on_once_it_is_granted")]
    [TestCase("patch", "locations.networking.datumapis.com/status", TestName = "A_right_to_write_a_status_that_is_missing_is_named_and_the_host_goes_on_once_it_is_granted")]
    public async Task A_right_that_is_needed(string verb, string resource)
    {
        await using var stage = await ReadyForAsync();
        RefusingClient? client = null;
        await stage.StartHostAsync(c => client = new RefusingClient(c, verb, resource));
        var space = await stage.SpaceAsync();
        await space.LocationAsync("early", "{simulator: {zone: z1}}");

        await stage.LogsAsync(1303, $"may not {verb} {resource}", "grant it");
        client!.Grant();
        await stage.LogsAsync(1304, $"can {verb} {resource} now");
        await space.LocationIsAsync("early", "Ready", "ProbeSucceeded");
        await space.EverythingElseGoesOnAsync();
        Assert.That(stage.Log.Of(1303), Has.Count.EqualTo(1), "told once, however often it is tried");
    }

    [TestCase("patch", "providerconfigs.providers.datumapis.com/status", TestName = "Without_the_right_to_write_a_ProviderConfigs_status_everything_else_goes_on")]
    [TestCase("create", "events", TestName = "Without_the_right_to_write_events_everything_else_goes_on")]
    public async Task A_right_that_only_tells(string verb, string resource)
    {
        await using var stage = await ReadyForAsync();
        await stage.StartHostAsync(c => new RefusingClient(c, verb, resource));
        var space = await stage.SpaceAsync();

        await space.EverythingElseGoesOnAsync();
        await stage.LogsAsync(1303, $"may not {verb} {resource}", "grant it");
    }

    [Test]
    public async Task Without_the_right_to_the_lease_the_host_waits_and_says_which_right()
    {
        await using var stage = await ReadyForAsync();
        RefusingClient? client = null;
        await stage.StartHostAsync(c => client = new RefusingClient(c, "create", "leases.coordination.k8s.io"), waitStarted: false, lease: true);

        await stage.LogsAsync(1303, "may not create leases.coordination.k8s.io in namespace default");
        client!.Grant();
        await (await stage.SpaceAsync()).EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task Without_the_right_to_a_Secret_its_ProviderConfig_says_so_and_the_others_go_on()
    {
        await using var stage = await ReadyForAsync();
        WrittenInputTests.Spoiled(stage.Volume, "NeedsToken", "needs-token");
        await stage.StartHostAsync(c => new RefusingClient(c, "get", "secrets"));
        await stage.ApplyAsync($"apiVersion: {Space.Ours}\nkind: ProviderConfig\nmetadata: {{name: bad}}\nspec: {{driver: needs-token, credentials: {{source: Secret, secretRef: {{name: s}}}}}}");

        var ready = await stage.ConditionAsync(Space.Ours, "providerconfigs", null, "bad", "Ready", "CredentialsMissing");
        Assert.That((string?)ready["message"], Does.Contain("the host's user may not get Secret default/s").And.Contains("Grant it get on secrets in namespace default"));
        await (await stage.SpaceAsync()).EverythingElseGoesOnAsync();
    }

    [Test]
    public async Task An_object_that_cant_be_read_is_told_on_itself_in_list_and_watch_and_after_a_restart()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await stage.InstallKindsAsync("locations.networking.datumapis.com", "workloads.compute.datumapis.com", "instances.compute.datumapis.com");
        await stage.ApplyAsync(Stage.GoodConfig(stage.Folder));
        var space = await stage.SpaceAsync();
        await BadLocationAsync(stage, space, "listed");

        await stage.StartHostAsync();
        await ToldAsync(stage, space, "Location", "listed", "spec.topology");
        await space.EverythingElseGoesOnAsync();

        await BadLocationAsync(stage, space, "watched");
        await ToldAsync(stage, space, "Location", "watched", "spec.topology");
        await stage.ApplyAsync($"apiVersion: {Space.Compute}\nkind: Workload\nmetadata: {{name: unread, namespace: {space.Name}}}\nspec: {{placements: text}}");
        await ToldAsync(stage, space, "Workload", "unread", "spec.placements");

        // One that works becomes unreadable under us: what was made for it stays, also when a new host has never read it.
        await space.LocationAsync("turned", "{simulator: {zone: z1}}", city: "TURN");
        await space.WorkloadAsync("kept", "TURN");
        await space.AvailableAsync("kept");
        await stage.PatchAsync(Space.Networking, "locations", space.Name, "turned", """{"spec":{"topology":"text"}}""");
        await ToldAsync(stage, space, "Location", "turned", "spec.topology");
        await stage.PatchAsync(Space.Compute, "instances", space.Name, "kept-p-turn-0", """{"spec":{"networkInterfaces":"text"}}""");
        await ToldAsync(stage, space, "Instance", "kept-p-turn-0", "spec.networkInterfaces");
        await space.EverythingElseGoesOnAsync();
        var entries = await EntriesAsync(stage, space);

        await stage.StopHostAsync();
        await stage.StartHostAsync();
        await space.EverythingElseGoesOnAsync();
        Assert.That(entries, Is.SubsetOf(await EntriesAsync(stage, space)));
        Assert.That((await stage.GetAsync(Space.Compute, "instances", space.Name, "kept-p-turn-0"))["metadata"]!["deletionTimestamp"], Is.Null);
        Assert.That((int?)(await stage.EventAsync(space.Name, "Location", "listed", "Unreadable"))["count"], Is.LessThanOrEqualTo(2), "once for each start");

        await stage.PatchAsync(Space.Networking, "locations", space.Name, "listed", """{"spec":{"topology":{"topology.datum.net/city-code":"LATE"}}}""");
        await space.LocationIsAsync("listed", "Ready", "ProbeSucceeded");
    }

    private static async Task<List<string>> EntriesAsync(Stage stage, Space space) =>
        [.. (await stage.Client.ListAsync(Resources.ResourceTypes.ManagedResources, new ListOptions(), CancellationToken.None)).Items
            .Where(e => e.Spec.Owner.Namespace == space.Name && e.Spec.Wanted && !e.IsDeleting).Select(e => $"{e.Metadata.Name} {e.Spec.Record.Incarnation} {e.Status?.ProviderId}")];

    private static Task BadLocationAsync(Stage stage, Space space, string name) => stage.ApplyAsync(
        $"apiVersion: {Space.Networking}\nkind: Location\nmetadata: {{name: {name}, namespace: {space.Name}}}\nspec: {{locationClassName: good, topology: text, provider: {{simulator: {{zone: z1}}}}}}");

    private static async Task ToldAsync(Stage stage, Space space, string kind, string name, string field)
    {
        var told = await stage.EventAsync(space.Name, kind, name, "Unreadable");
        Assert.That((string?)told["message"], Does.StartWith(field).And.Contains("Correct it").And.Contains("CRD"));
        Assert.That((string?)told["type"], Is.EqualTo("Warning"));
        await stage.LogsAsync(1307, $"{kind} {space.Name}/{name} can't be read: {field}");
    }

    private static async Task<Stage> ReadyForAsync()
    {
        var stage = await Stage.PlaneOnlyAsync(development: true);
        await stage.InstallKindsAsync();
        await stage.ApplyAsync(Stage.GoodConfig(stage.Folder));
        return stage;
    }
}
