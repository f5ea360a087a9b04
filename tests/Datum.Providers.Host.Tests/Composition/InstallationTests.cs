using System.Text.Json.Nodes;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Host.Tests.Cli;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Tests.Composition;

/// <summary>The installation is bound to its plane: another one is only observed until a person says what it is.</summary>
[NonParallelizable]
public sealed class InstallationTests
{
    private static ManagedResource EntryOf(string installation, string plane) => new() { Spec = new ManagedResourceSpec { Installation = installation, Owner = new ResourceOwner { Plane = plane } } };

    [Test]
    public void The_first_start_binds_what_is_asked_for_or_what_the_plane_gives()
    {
        var derived = InstallationVerdict.Judge(null, "uid", null, [EntryOf("other", "uid")]);
        var asked = InstallationVerdict.Judge(null, "uid", "mine", []);
        Assert.That((derived.Installation, derived.Plane, derived.Unconfirmed, derived.Bind), Is.EqualTo((InstallationBinding.Derive("uid"), "uid", (string?)null, new InstallationBinding(InstallationBinding.Derive("uid"), "uid", "uid"))));
        Assert.That((asked.Installation, asked.Unconfirmed, asked.Bind!.Installation), Is.EqualTo(("mine", (string?)null, "mine")));
    }

    [Test]
    public void A_plane_that_is_the_bound_one_is_confirmed_also_under_the_id_that_it_once_had()
    {
        var verdict = InstallationVerdict.Judge(new InstallationBinding("i", "old", "uid"), "uid", null, []);
        Assert.That((verdict.Installation, verdict.Plane, verdict.Unconfirmed, verdict.Bind), Is.EqualTo(("i", "old", (string?)null, (InstallationBinding?)null)));
        Assert.That(InstallationVerdict.Judge(new InstallationBinding("i", "old", "uid"), "uid", "i", []).Unconfirmed, Is.Null);
    }

    [Test]
    public void Another_plane_another_id_and_a_ledger_of_another_plane_are_unconfirmed_and_bind_nothing()
    {
        InstallationVerdict[] verdicts =
        [
            InstallationVerdict.Judge(new InstallationBinding("i", "old", "old"), "uid", null, []),
            InstallationVerdict.Judge(new InstallationBinding("i", "uid", "uid"), "uid", "j", []),
            InstallationVerdict.Judge(null, "uid", null, [EntryOf("i", "old")]),
        ];
        Assert.Multiple(() =>
        {
            foreach (var verdict in verdicts)
            {
                Assert.That((verdict.Installation, verdict.Bind), Is.EqualTo(("i", (InstallationBinding?)null)));
                Assert.That(verdict.Unconfirmed, Does.Contain("datum-providers installation fork"));
            }
            Assert.That(verdicts[0].Unconfirmed, Does.Contain("old").And.Contain("uid").And.Contain("continue"));
            Assert.That(verdicts[1].Unconfirmed, Does.Contain("--installation j"));
            Assert.That(verdicts[2].Plane, Is.EqualTo("old"));
        });
    }

    private static Task<CliRun> SayAsync(Stage stage, string words) => CliRun.Async(["installation", .. words.Split(' '), "--kubeconfig", stage.Kubeconfig, "--namespace", "default"]);

    private static async Task<Dictionary<string, string>> BindingAsync(Stage stage) =>
        (await stage.Client.FindAsync(Core.ConfigMaps, new ObjectKey("default", InstallationBinding.Name), CancellationToken.None))!.Data!;

    private static async Task<List<ManagedResource>> LedgerAsync(Stage stage) => await InstallationVerdict.LedgerAsync(stage.Client, CancellationToken.None);

    /// <summary>A Workload that runs, and then a plane whose kube-system is another one than the binding says, as after a restore or a copy.</summary>
    private static async Task<(Stage Stage, Space Space, List<ManagedResource> Before)> MovedAsync()
    {
        var stage = await Stage.StartAsync();
        var space = await stage.SpaceAsync();
        await space.EverythingElseGoesOnAsync();
        await stage.StopHostAsync();
        var before = await LedgerAsync(stage);
        await stage.PatchAsync("v1", "configmaps", "default", InstallationBinding.Name, """{"data":{"boundTo":"00000000-0000-0000-0000-000000000001"}}""");
        await stage.StartHostAsync();
        await stage.LogsAsync(1005, "Observes only", "installation continue");
        return (stage, space, before);
    }

    [Test]
    public async Task A_moved_plane_is_observed_only_and_continue_goes_on_with_the_same_objects()
    {
        var (stage, space, before) = await MovedAsync();
        await using var owned = stage;
        Assert.That((await BindingAsync(stage))["installation"], Is.EqualTo(before[0].Spec.Installation));
        await space.LocationAsync("later", "{simulator: {zone: z1}}", city: "LATER");
        await space.LocationIsAsync("later", "Ready", "ProbeSucceeded");
        var entry = before.Single(e => e.Spec.Kind == "Instance");
        // A wish that changes meanwhile: it isn't acted on, and what is there is still told.
        await stage.PatchAsync("providers.datumapis.com/v1alpha1", "managedresources", null, entry.Metadata.Name!, """{"spec":{"desired":{"hostname":"other"}}}""");
        await stage.ConditionAsync("providers.datumapis.com/v1alpha1", "managedresources", null, entry.Metadata.Name!, "Synced", Reasons.InstallationUnconfirmed);
        var show = await SayAsync(stage, "show");
        Assert.That(show.Exit, Is.EqualTo(3));
        Assert.That(show.Out, Does.Contain("observed only"));
        Assert.That((await SayAsync(stage, "continue")).Exit, Is.EqualTo(ExitCodes.Usage), "--yes is needed");

        var said = await SayAsync(stage, "continue --yes");

        Assert.That(said.Exit, Is.Zero, said.Error);
        await stage.LogsAsync(1006, "begins anew");
        await space.EverythingElseGoesOnAsync();
        Assert.That((await LedgerAsync(stage)).Select(e => (e.Metadata.Name, e.Spec.Record.Incarnation)).Intersect(before.Where(e => e.Spec.Kind != "Instance").Select(e => (e.Metadata.Name, e.Spec.Record.Incarnation))),
            Is.EquivalentTo(before.Where(e => e.Spec.Kind != "Instance").Select(e => (e.Metadata.Name, e.Spec.Record.Incarnation))), "the same objects under the same names");
        Assert.That((await SayAsync(stage, "show")).Exit, Is.Zero);
    }

    [Test]
    public async Task A_fork_makes_everything_anew_and_touches_nothing_of_the_old_installation()
    {
        var (stage, space, before) = await MovedAsync();
        await using var owned = stage;
        var same = await SayAsync(stage, $"fork --installation {before[0].Spec.Installation} --yes");
        Assert.That((same.Exit, same.Error.Contains("old installation's own id", StringComparison.Ordinal)), Is.EqualTo((ExitCodes.Usage, true)));

        var said = await SayAsync(stage, "fork --installation staging --yes -o json");

        Assert.That(said.Exit, Is.Zero, said.Error);
        Assert.That((string?)JsonNode.Parse(said.Out)!["installation"], Is.EqualTo("staging"));
        await space.EverythingElseGoesOnAsync();
        var after = await LedgerAsync(stage);
        Assert.Multiple(() =>
        {
            Assert.That(after.Where(e => e.Spec.Installation == "staging"), Is.Not.Empty);
            foreach (var old in before)
                Assert.That(after.Single(e => e.Metadata.Name == old.Metadata.Name).Metadata.Generation, Is.EqualTo(old.Metadata.Generation), $"{old.Spec.Kind} {old.Metadata.Name}");
        });
    }
}
