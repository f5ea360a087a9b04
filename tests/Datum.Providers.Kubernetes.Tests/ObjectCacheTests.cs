namespace Datum.Providers.Kubernetes.Tests;

public sealed class ObjectCacheTests
{
    private readonly List<string> _changes = [];
    private ObjectCache<Widget> _cache = null!;

    [SetUp]
    public void Create()
    {
        _changes.Clear();
        _cache = new ObjectCache<Widget>();
        _cache.AddIndex("note", w => w.Spec.Note is { } note ? [note] : []);
        _cache.Subscribe(c => _changes.Add($"{c.Key.Name} {c.Before?.Metadata.ResourceVersion}>{c.After?.Metadata.ResourceVersion}"));
    }

    [Test]
    public void A_version_never_goes_back_and_is_compared_as_a_number()
    {
        _cache.Apply(Make("a", "9"));
        _cache.Apply(Make("a", "10"));
        _cache.Apply(Make("a", "9"));
        _cache.Apply(Make("a", "10"));
        _cache.Replace([Make("a", "9")], "12", []);
        Assert.That(_changes, Is.EqualTo(new[] { "a >9", "a 9>10" }));
    }

    [Test]
    public void What_was_observed_is_read_at_once()
    {
        _cache.Observe(Make("a", "5", note: "x"));
        Assert.That(_cache.Find(new("ns", "a"))!.Metadata.ResourceVersion, Is.EqualTo("5"));
        Assert.That(_cache.ByIndex("note", "x"), Has.Count.EqualTo(1));
        Assert.That(_cache.HasSynced, Is.False);
    }

    [Test]
    public void A_late_event_does_not_bring_back_what_our_own_write_removed()
    {
        _cache.Apply(Make("a", "5", uid: "u1"));
        _cache.ObserveGone(new("ns", "a"), "u1");
        // The event of the deletion mark has a higher version than all that the cache had seen.
        _cache.Apply(Make("a", "7", uid: "u1"));
        _cache.Replace([Make("a", "7", uid: "u1")], "7", []);
        _cache.ApplyDeleted(new("ns", "a"), "u1", "8");
        Assert.That(_cache.Find(new("ns", "a")), Is.Null);
        _cache.Apply(Make("a", "9", uid: "u2"));
        Assert.That(_changes, Is.EqualTo(new[] { "a >5", "a 5>", "a >9" }));
    }

    [Test]
    public void A_late_answer_does_not_bring_back_what_an_event_removed()
    {
        _cache.Apply(Make("a", "5", uid: "u1"));
        _cache.ApplyDeleted(new("ns", "a"), "u1", "8");
        _cache.Observe(Make("a", "7", uid: "u1"));
        Assert.That(_cache.Find(new("ns", "a")), Is.Null);
    }

    [Test]
    public void A_late_deletion_does_not_remove_the_next_object_of_that_name()
    {
        _cache.Observe(Make("a", "9", uid: "u2"));
        _cache.ApplyDeleted(new("ns", "a"), "u1", "8");
        _cache.ObserveGone(new("ns", "a"), "u1");
        Assert.That(_cache.Find(new("ns", "a"))!.Metadata.Uid, Is.EqualTo("u2"));
    }

    [Test]
    public void Gone_without_a_uid_buries_all_that_was_seen_so_far()
    {
        _cache.Apply(Make("other", "20"));
        _cache.ObserveGone(new("ns", "a"), null);
        _cache.Apply(Make("a", "19"));
        Assert.That(_cache.Find(new("ns", "a")), Is.Null);
        _cache.Apply(Make("a", "21"));
        Assert.That(_cache.Find(new("ns", "a")), Is.Not.Null);
    }

    [Test]
    public void A_list_brings_only_real_changes_and_keeps_what_is_newer_than_it()
    {
        _cache.Replace([Make("same", "1"), Make("changed", "2"), Make("gone", "3"), Make("bad", "4")], "5", []);
        _cache.Observe(Make("ours", "30"));
        _cache.Observe(Make("changed", "31"));
        _changes.Clear();
        _cache.Replace([Make("same", "1"), Make("changed", "12"), Make("new", "13")], "20", [new("ns", "bad")]);
        Assert.That(_changes, Is.EqualTo(new[] { "new >13", "gone 3>" }));
        Assert.That(_cache.All().Select(w => w.Metadata.Name), Is.EqualTo(new[] { "bad", "changed", "new", "ours", "same" }));
        Assert.That(_cache.Find(new("ns", "changed"))!.Metadata.ResourceVersion, Is.EqualTo("31"));
    }

    [Test]
    public void A_list_with_a_nameless_unreadable_object_removes_nothing()
    {
        _cache.Replace([Make("a", "1")], "5", []);
        _cache.Replace([], "9", [new(null, "")]);
        Assert.That(_cache.All(), Has.Count.EqualTo(1));
        _cache.Replace([], "10", []);
        Assert.That(_cache.All(), Is.Empty);
    }

    [Test]
    public void Order_is_by_namespace_then_name()
    {
        _cache.Replace([Make("b", "1", ns: "y"), Make("a", "2", ns: "z"), Make("a", "3", ns: "y", note: "n"), Make("B", "4", ns: "y", note: "n")], "5", []);
        Assert.That(_cache.All().Select(w => w.Key.ToString()), Is.EqualTo(new[] { "y/B", "y/a", "y/b", "z/a" }));
        Assert.That(_cache.ByIndex("note", "n").Select(w => w.Key.ToString()), Is.EqualTo(new[] { "y/B", "y/a" }));
    }

    [Test]
    public void An_index_follows_changes_and_removals()
    {
        _cache.Apply(Make("a", "1", note: "x"));
        _cache.Apply(Make("a", "2", note: "y"));
        Assert.That(_cache.ByIndex("note", "x"), Is.Empty);
        Assert.That(_cache.ByIndex("note", "y"), Has.Count.EqualTo(1));
        _cache.ApplyDeleted(new("ns", "a"), null, "3");
        Assert.That(_cache.ByIndex("note", "y"), Is.Empty);
        Assert.That(() => _cache.ByIndex("nothing", "y"), Throws.ArgumentException);
        Assert.That(() => _cache.AddIndex("note", _ => []), Throws.ArgumentException);
    }

    [Test]
    public async Task Sync_is_told_after_the_first_list_and_its_changes()
    {
        var wait = _cache.WaitForSyncAsync(CancellationToken.None);
        _cache.Apply(Make("a", "1"));
        Assert.That(wait.IsCompleted, Is.False);
        var syncedInCallback = true;
        _cache.Subscribe(_ => syncedInCallback = _cache.HasSynced);
        _cache.Replace([Make("b", "2")], "3", []);
        await wait;
        Assert.That(syncedInCallback, Is.False);
    }

    [Test]
    public void A_subscriber_that_throws_stops_nobody_and_one_that_left_is_not_called()
    {
        var seen = 0;
        var left = 0;
        _cache.Subscribe(_ => throw new InvalidOperationException("subscriber"));
        _cache.Subscribe(_ => seen++);
        _cache.Subscribe(_ => left++).Dispose();
        _cache.Apply(Make("a", "1"));
        Assert.That((seen, left), Is.EqualTo((1, 0)));
    }

    private static Widget Make(string name, string version, string? uid = null, string ns = "ns", string? note = null) => new()
    {
        Metadata = new ObjectMeta { Namespace = ns, Name = name, ResourceVersion = version, Uid = uid },
        Spec = new WidgetSpec { Note = note },
    };
}
