using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Cli.Ledger;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary><c>abandon</c>, <c>release</c> and <c>settle</c>: the rules, and the commands against the embedded plane.</summary>
public sealed class EntryCommandTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static ManagedResource Entry(string? state = null, string ready = ConditionStatus.False, string reason = "", RecordedIntent? intent = null)
    {
        var entry = new ManagedResource
        {
            Spec = new ManagedResourceSpec
            {
                Installation = "inst", Kind = "Network", Slot = "network", Driver = "simulator", ProviderConfig = "good", Wanted = true,
                Owner = new ResourceOwner { Plane = "p", ApiVersion = "networking.datumapis.com/v1alpha", Kind = "Network", Namespace = "default", Name = "net", Uid = "u" },
                Record = new ResourceRecord { Incarnation = 1, Intent = intent, Parts = [new RecordedPart { Name = "net", Id = "n-1" }] },
            },
            Status = state is null ? null : new ManagedResourceStatus { State = state, ProviderId = "n-1", Conditions = [new Condition { Type = ConditionTypes.Ready, Status = ready, Reason = reason, LastTransitionTime = s_now }] },
        };
        entry.Metadata.Name = "3f0c9a52000000000000000000000000";
        entry.Metadata.Finalizers = [Finalizers.Platform];
        entry.Metadata.Labels = new() { [Labels.OwnerUid] = "u" };
        return entry;
    }

    private static RecordedIntent Intent(DateTimeOffset deadline) => new() { Step = "create net", Part = "net", CreateClass = "Manual", StartedAt = deadline.AddSeconds(-30), Deadline = deadline, Host = "h" };

    [TestCase(OwnerState.Gone, false, null)]
    [TestCase(OwnerState.Deleting, false, null)]
    [TestCase(OwnerState.Exists, false, "still wants it")]
    [TestCase(OwnerState.Unknown, false, "can't be read here")]
    [TestCase(OwnerState.Exists, true, null)]
    public void An_entry_is_abandoned_when_nobody_wants_it(OwnerState owner, bool force, string? says) =>
        Says(EntryRules.Abandon(Entry("Ready", ConditionStatus.Unknown), owner, [], s_now, force), says);

    [TestCase("Ready", ConditionStatus.True, "still answers")]
    [TestCase("Degraded", ConditionStatus.False, "still answers")]
    [TestCase("Ready", ConditionStatus.Unknown, null)]
    [TestCase("Absent", ConditionStatus.False, null)]
    public void An_entry_whose_platform_still_answers_is_not_abandoned(string state, string ready, string? says) =>
        Says(EntryRules.Abandon(Entry(state, ready), OwnerState.Gone, [], s_now, false), says);

    [Test]
    public void L7_an_entry_that_others_use_is_not_abandoned() => Says(EntryRules.Abandon(Entry(), OwnerState.Gone, ["Subnet of x"], s_now, false), "Subnet of x");

    [Test]
    public void L1_an_entry_with_a_create_under_way_is_not_abandoned_whatever_is_forced([Values] bool force)
    {
        Says(EntryRules.Abandon(Entry(intent: Intent(s_now.AddSeconds(1))), OwnerState.Gone, [], s_now, force), "under way");
        Says(EntryRules.Abandon(Entry(intent: Intent(s_now.AddSeconds(-1))), OwnerState.Gone, [], s_now, force), null);
    }

    [TestCase(OwnerState.Gone, null)]
    [TestCase(OwnerState.Deleting, null)]
    [TestCase(OwnerState.Exists, "isn't being deleted")]
    [TestCase(OwnerState.Unknown, "can't be read here")]
    public void An_entry_is_released_when_its_owner_went(OwnerState owner, string? says) => Says(EntryRules.Release(Entry(), owner), says);

    [Test]
    public void L5_a_create_is_confirmed_only_when_the_host_asks_for_it()
    {
        Says(EntryRules.Settle(Entry("Absent")), "nothing to confirm");
        Says(EntryRules.Settle(Entry("Absent", reason: Reasons.Waiting, intent: Intent(s_now))), "still the host's to settle");
        Says(EntryRules.Settle(Entry("Absent", reason: Reasons.NeedsPerson, intent: Intent(s_now))), null);
    }

    private static void Says(string? refusal, string? expected) => Assert.That(refusal, expected is null ? Is.Null : Does.Contain(expected));

    /// <summary>A plane with an entry whose owner never was, as after a restore.</summary>
    private sealed class Desk : IAsyncDisposable
    {
        private readonly ScratchFolder _folder = new();
        private DevPlaneServer _plane = null!;

        public KubernetesClient Client { get; private set; } = null!;

        public string Kubeconfig => _folder.At("kc");

        public static async Task<Desk> OpenAsync(ManagedResource? entry = null)
        {
            var desk = new Desk { _plane = await DevPlaneServer.StartAsync(new DevPlaneOptions { CelRules = RuleRegistration.Create() }) };
            desk._plane.WriteKubeconfig(desk.Kubeconfig);
            desk.Client = new KubernetesClient(KubeConfig.Load(desk.Kubeconfig));
            await PlaneInstaller.ApplyCrdsAsync(desk.Client, Crds.All().Select(c => c.Yaml), CancellationToken.None);
            await desk.PutAsync(entry ?? Entry());
            return desk;
        }

        public async Task PutAsync(ManagedResource entry)
        {
            var type = ResourceTypes.ManagedResources;
            await Client.CreateAsync(type, type.Stamp(entry), CancellationToken.None);
            if (entry.Status is not null)
            {
                var stored = (await FindAsync())!;
                var after = type.Clone(stored);
                after.Status = entry.Status;
                await Client.PatchAsync(type, stored.Key, Patches.Status(type, stored, after)!, "status", CancellationToken.None);
            }
        }

        public Task<ManagedResource?> FindAsync() => Client.FindAsync(ResourceTypes.ManagedResources, Entry().Key, CancellationToken.None);

        public async Task<List<CoreEvent>> EventsAsync() => [.. (await Client.ListAsync(Core.Events, new ListOptions { Namespace = "default" }, CancellationToken.None)).Items];

        public Task<CliRun> RunAsync(string line) => CliRun.Async([.. line.Split(' ')[1..], "--kubeconfig", Kubeconfig]);

        public async ValueTask DisposeAsync()
        {
            await Client.DisposeAsync();
            await _plane.DisposeAsync();
            _folder.Dispose();
        }
    }

    private static IEnumerable<string> Examples() => Host.Cli.Commands.Create().Subcommands.Where(c => c.Name is "abandon" or "release" or "settle").SelectMany(c => ((CliCommand)c).Examples).Select(e => e.CommandLine);

    [TestCaseSource(nameof(Examples))]
    public async Task An_example_works_as_it_stands(string line)
    {
        await using var desk = await Desk.OpenAsync(Entry("Absent", reason: Reasons.NeedsPerson, intent: Intent(s_now.AddYears(-10))));

        var run = await desk.RunAsync(line);

        Assert.That(run.Exit, Is.Zero, $"{run.Out}\n{run.Error}");
        Assert.That(run.Out, Does.Contain(Entry().Metadata.Name));
        if (line.Contains("-o json", StringComparison.Ordinal))
            Assert.That((string?)JsonNode.Parse(run.Out)!["kind"], Is.EqualTo("Network"));
    }

    [TestCaseSource(nameof(Examples))]
    public async Task Without_yes_nothing_is_done_and_it_is_told_what_would_be(string line)
    {
        await using var desk = await Desk.OpenAsync(Entry("Absent", reason: Reasons.NeedsPerson, intent: Intent(s_now.AddYears(-10))));
        var before = (await desk.FindAsync())!.Metadata.ResourceVersion;

        var run = await desk.RunAsync(line.Replace(" --yes", "", StringComparison.Ordinal));

        Assert.That((run.Exit, run.Out), Is.EqualTo((ExitCodes.Usage, "")));
        Assert.That(run.Error, Does.Contain("Nothing was done yet: add --yes."));
        Assert.That((await desk.FindAsync())!.Metadata.ResourceVersion, Is.EqualTo(before));
        Assert.That(await desk.EventsAsync(), Is.Empty);
    }

    [Test]
    public async Task Abandoning_forgets_the_entry_tells_it_and_lets_an_owner_go_that_waits_for_it()
    {
        await using var desk = await Desk.OpenAsync();
        var network = new Network { Spec = { Ipam = { Mode = "Auto" } } };
        (network.Metadata.Name, network.Metadata.Namespace, network.Metadata.Finalizers) = ("net", "default", [Finalizers.Platform]);
        var owner = await desk.Client.CreateAsync(ResourceTypes.Networks, ResourceTypes.Networks.Stamp(network), CancellationToken.None);
        await desk.Client.DeleteAsync(ResourceTypes.ManagedResources, Entry().Key, null, CancellationToken.None);
        var second = Entry();
        second.Metadata.Name = "aa0c9a52000000000000000000000000";
        second.Spec.Owner.Uid = owner.Metadata.Uid!;
        second.Metadata.Labels![Labels.OwnerUid] = owner.Metadata.Uid!;
        await desk.Client.CreateAsync(ResourceTypes.ManagedResources, ResourceTypes.ManagedResources.Stamp(second), CancellationToken.None);

        var early = await desk.RunAsync("datum-providers abandon aa0c --yes");
        Assert.That((early.Exit, early.Error), Is.EqualTo((ExitCodes.Failed, early.Error)));
        Assert.That(early.Error, Does.Contain("still wants it"));

        await desk.Client.DeleteAsync(ResourceTypes.Networks, owner.Key, null, CancellationToken.None);
        var run = await desk.RunAsync("datum-providers abandon aa0c --yes");

        Assert.That(run.Exit, Is.Zero, run.Error);
        Assert.That(await desk.Client.FindAsync(ResourceTypes.ManagedResources, second.Key, CancellationToken.None), Is.Null);
        Assert.That(await desk.Client.FindAsync(ResourceTypes.Networks, owner.Key, CancellationToken.None), Is.Null, "nothing holds it any more");
        Assert.That((await desk.EventsAsync()).Select(e => (e.Reason, e.InvolvedObject.Name)), Is.EqualTo(new[] { (Reasons.Abandoned, "net") }));
    }

    [Test]
    public async Task Releasing_says_wanted_false_and_nothing_else()
    {
        await using var desk = await Desk.OpenAsync();

        Assert.That((await desk.RunAsync("datum-providers release 3f0c --yes")).Exit, Is.Zero);
        var again = await desk.RunAsync("datum-providers release 3f0c --yes");

        var entry = (await desk.FindAsync())!;
        Assert.That((entry.Spec.Wanted, entry.IsDeleting, entry.Spec.Record.Parts!.Count), Is.EqualTo((false, false, 1)));
        Assert.That(again.Out, Does.Contain("wasn't wanted any more before"));
        Assert.That((await desk.EventsAsync()).Select(e => e.Reason), Is.EqualTo(new[] { Reasons.ReleasedByPerson }));
    }

    [TestCase("--made n-9", "n-9", 0)]
    [TestCase("--not-made", "n-1", 1)]
    public async Task Confirming_closes_the_intent_with_what_the_person_saw(string what, string id, int refused)
    {
        await using var desk = await Desk.OpenAsync(Entry("Absent", reason: Reasons.NeedsPerson, intent: Intent(s_now.AddYears(-10))));

        var run = await desk.RunAsync($"datum-providers settle 3f0c {what} --yes");

        Assert.That(run.Exit, Is.Zero, run.Error);
        var record = (await desk.FindAsync())!.Spec.Record;
        Assert.That((record.Intent, record.Parts!.Single().Id, record.Refused?.GetValueOrDefault("net") ?? 0), Is.EqualTo(((RecordedIntent?)null, id, refused)));
    }

    [TestCase("abandon none --yes", "There is no ManagedResource none")]
    [TestCase("abandon 3f0 --yes", "needs 4 characters")]
    [TestCase("settle 3f0c --yes", "--made ID or --not-made")]
    [TestCase("settle 3f0c --made x --not-made --yes", "--made ID or --not-made")]
    public async Task What_cannot_be_done_is_said_in_a_sentence(string line, string says)
    {
        await using var desk = await Desk.OpenAsync();

        var run = await desk.RunAsync($"datum-providers {line}");

        Assert.That(run.Exit, Is.Not.Zero);
        Assert.That(run.Error, Does.Contain(says));
    }
}
