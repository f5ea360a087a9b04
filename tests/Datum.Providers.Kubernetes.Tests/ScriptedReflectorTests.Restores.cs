using Datum.Providers.Testing;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>Servers that were set back to an older state.</summary>
internal sealed partial class ScriptedReflectorTests
{
    [Test]
    public async Task A_server_that_was_restored_from_a_backup_is_believed_when_it_lists()
    {
        var scheduler = new ManualScheduler();
        var lists = 0;
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
            {
                if (Interlocked.Increment(ref lists) == 1)
                    await ListAsync(c, 100, Item("old", 10), Item("changed", 90, """{"replicas":9}"""), Item("later", 95));
                else
                    await ListAsync(c, 50, Item("old", 10), Item("changed", 40, """{"replicas":4}"""), Item("buried", 45));
            }
            else if (c.Request.Query["resourceVersion"] == "100")
                await EventAsync(c, "ERROR", """{"kind":"Status","reason":"Expired","message":"too old resource version","code":410}""");
            else
            {
                await EventAsync(c, "MODIFIED", Item("old", 51));
                await HoldAsync(ended);
            }
        });
        await using var run = await RunAsync(server, scheduler);
        await Eventually.HoldsAsync(() => run.Reflector.State == ReflectorState.BackingOff && scheduler.PendingTimers == 1, "the reflector waits after 410");
        run.Cache.ObserveGone(new ObjectKey("ns", "buried"), "uid-buried");
        run.Changes.Clear();
        scheduler.Advance(TimeSpan.FromSeconds(1));
        await Eventually.HoldsAsync(() => run.Cache.Find(new("ns", "old"))?.Metadata.ResourceVersion == "51", "the new history goes on");
        Assert.That(run.Cache.All().Select(w => $"{w.Metadata.Name}@{w.Metadata.ResourceVersion}"), Is.EqualTo(new[] { "buried@45", "changed@40", "old@51" }));
        Assert.That(run.Changes, Is.SupersetOf(new[] { "changed 90>40", "later 95>", "buried >45" }));
    }

    [Test]
    public async Task A_write_of_ours_during_a_list_is_no_sign_of_a_backup()
    {
        var scheduler = new ManualScheduler();
        var asked = new TaskCompletionSource();
        var answer = new TaskCompletionSource();
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (IsWatch(c))
            {
                await HoldAsync(ended);
                return;
            }
            asked.TrySetResult();
            await answer.Task.WaitAsync(ended);
            await ListAsync(c, 100, Item("a", 1));
        });
        await using var run = await RunAsync(server, scheduler);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20));
        var ours = Widget.Named("ns", "ours", 1);
        (ours.Metadata.ResourceVersion, ours.Metadata.Uid) = ("105", "uid-ours");
        run.Cache.Observe(ours);
        answer.SetResult();
        await run.Cache.WaitForSyncAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That(run.Cache.All().Select(w => w.Metadata.Name), Is.EqualTo(new[] { "a", "ours" }));
    }

    [Test]
    public async Task A_watch_whose_versions_go_back_leads_to_a_list()
    {
        var lists = 0;
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (!IsWatch(c))
                await ListAsync(c, Interlocked.Increment(ref lists) == 1 ? 100 : 61, Item("a", 1));
            else if (c.Request.Query["resourceVersion"] == "100")
                await EventAsync(c, "BOOKMARK", Bookmark(60));
            else
                await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, SystemScheduler.Instance);
        await Eventually.HoldsAsync(() => run.Reflector.ResourceVersion == "61" && run.Reflector.State == ReflectorState.Watching, "it watches from the second list");
        Assert.That(server.Lists, Is.EqualTo(2));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_server_that_was_set_back_while_its_watch_is_silent_is_noticed(bool wentAway)
    {
        var scheduler = new ManualScheduler();
        var restored = false;
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            var back = Volatile.Read(ref restored);
            if (!IsWatch(c))
                await (back ? ListAsync(c, 60, Item("a", 1)) : ListAsync(c, 100, Item("a", 1), Item("b", 90)));
            else if (!back && wentAway)
                c.Abort();
            else
                // A version from its future: the server waits for it to come, and says nothing.
                await HoldAsync(ended);
        });
        await using var run = await RunAsync(server, scheduler, new ReflectorOptions { Silence = TimeSpan.FromMinutes(6) });
        await Eventually.HoldsAsync(() => run.Cache.Count == 2 && server.Watches > 0, "it watches");
        Volatile.Write(ref restored, true);
        var deadline = scheduler.Now + (wentAway ? TimeSpan.FromMinutes(1) : TimeSpan.FromMinutes(7));
        while (run.Cache.Count == 2 && scheduler.Now < deadline)
        {
            if (scheduler.NextTimer is { } due && due <= deadline)
                scheduler.AdvanceToNextTimer();
            await Task.Delay(10);
        }
        await Eventually.HoldsAsync(() => run.Reflector.ResourceVersion == "60", "it lists what holds now");
        Assert.That(run.Cache.All().Select(w => w.Metadata.Name), Is.EqualTo(new[] { "a" }));
    }
}
