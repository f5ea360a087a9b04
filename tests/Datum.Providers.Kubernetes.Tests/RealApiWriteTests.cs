using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>Writes of every form, by the server's own answers.</summary>
internal sealed class RealApiWriteTests : RealApiTestBase
{
    [Test]
    public async Task A_replacement_needs_the_newest_version_and_its_status_is_a_subresource()
    {
        var type = await InstallAsync();
        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "one", 1), Limit);
        created.Spec.Replicas = 2;
        created.Status = new WidgetStatus { Ready = 7 };
        var replaced = await Client.ReplaceAsync(type, created, null, null, Limit);
        Assert.That((replaced.Spec.Replicas, replaced.Status), Is.EqualTo((2, (WidgetStatus?)null)));
        Assert.That(async () => await Client.ReplaceAsync(type, created, null, null, Limit), Throws.InstanceOf<KubernetesException>().With.Property("IsConflict").True);

        replaced.Spec.Replicas = 9;
        replaced.Status = new WidgetStatus { Ready = 7 };
        var status = await Client.ReplaceAsync(type, replaced, "status", null, Limit);
        Assert.That((status.Spec.Replicas, status.Status!.Ready), Is.EqualTo((2, 7)));
        Assert.That(async () => await Client.ReplaceAsync(type, Widget.Named(Namespace, "one"), null, null, Limit), Throws.ArgumentException);
    }

    [Test]
    public async Task A_json_patch_takes_effect_only_where_its_tests_hold()
    {
        var type = await InstallAsync();
        var made = Widget.Named(Namespace, "one", 1);
        made.Metadata.Annotations = new() { ["example.com/a"] = "old" };
        made.Spec.Unknown = new() { ["c~d/e~1"] = System.Text.Json.JsonDocument.Parse("1").RootElement };
        var created = await Client.CreateAsync(type, made, Limit);
        var at = JsonPointer.Of("metadata", "annotations", "example.com/a");
        var patch = new JsonPatch().TestVersion(created).Test(at, "old").Replace(at, "new").Add(JsonPointer.Of("spec", "note"), "n").Replace(JsonPointer.Of("spec", "c~d/e~1"), 2).ToPatch();
        var after = await Client.PatchAsync(type, created.Key, patch, null, Limit);
        Assert.That((after.Metadata.Annotation("example.com/a"), after.Spec.Unknown!["c~d/e~1"].GetInt32(), after.Spec.Note), Is.EqualTo(("new", 2, "n")));
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => Client.PatchAsync(type, created.Key, patch, null, Limit)))!;
        Assert.That(refusal.Code, Is.EqualTo(422));
    }

    [Test]
    public async Task Apply_creates_owns_its_fields_and_takes_others_only_by_force()
    {
        var type = await InstallAsync();
        var key = new ObjectKey(Namespace, "applied");
        JsonObject Wanted(JsonObject spec) => new() { ["apiVersion"] = type.ApiVersion, ["kind"] = type.Kind, ["metadata"] = new JsonObject { ["name"] = key.Name }, ["spec"] = spec };
        var first = await Client.PatchAsync(type, key, Patch.Apply(Wanted(new() { ["replicas"] = 1, ["note"] = "mine" }), "me"), null, Limit);
        Assert.That((first.Spec.Replicas, first.Spec.Note), Is.EqualTo((1, "mine")));
        var other = Patch.Apply(Wanted(new() { ["replicas"] = 2 }), "other");
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => Client.PatchAsync(type, key, other, null, Limit)))!;
        Assert.That((refusal.IsConflict, refusal.Message.Contains("\"me\"", StringComparison.Ordinal)), Is.EqualTo((true, true)), refusal.Message);
        var forced = await Client.PatchAsync(type, key, Patch.Apply(Wanted(new() { ["replicas"] = 2 }), "other", force: true), null, Limit);
        Assert.That(forced.Spec.Replicas, Is.EqualTo(2));
        var without = await Client.PatchAsync(type, key, Patch.Apply(Wanted([]), "me"), null, Limit);
        Assert.That((without.Spec.Replicas, without.Spec.Note), Is.EqualTo((2, (string?)null)), "what I left out goes, what the other took stays");
        var status = new JsonObject { ["apiVersion"] = type.ApiVersion, ["kind"] = type.Kind, ["status"] = new JsonObject { ["ready"] = 3 } };
        Assert.That((await Client.PatchAsync(type, key, Patch.Apply(status, "me"), "status", Limit)).Status!.Ready, Is.EqualTo(3));
    }

    [Test]
    public async Task A_dry_run_answers_and_stores_nothing()
    {
        var type = await InstallAsync();
        var dry = new WriteOptions { DryRun = true };
        Assert.That((await Client.CreateAsync(type, Widget.Named(Namespace, "one", 1), dry, Limit)).Metadata.Uid, Is.Not.Empty);
        Assert.That(await Client.FindAsync(type, new ObjectKey(Namespace, "one"), Limit), Is.Null);
        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "one", 1), Limit);
        var change = Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["replicas"] = 5 } }).With(dry);
        Assert.That((await Client.PatchAsync(type, created.Key, change, null, Limit)).Spec.Replicas, Is.EqualTo(5));
        created.Spec.Replicas = 6;
        Assert.That((await Client.ReplaceAsync(type, created, null, dry, Limit)).Spec.Replicas, Is.EqualTo(6));
        await Client.DeleteAsync(type, created.Key, null, new DeleteOptions { DryRun = true }, Limit);
        Assert.That((await Client.FindAsync(type, created.Key, Limit))!.Spec.Replicas, Is.EqualTo(1));
    }

    [Test]
    public async Task A_field_that_a_kind_does_not_have_is_refused_only_when_asked()
    {
        var type = await InstallAsync();
        var odd = Widget.Named(Namespace, "odd", 1);
        odd.Unknown = new() { ["surplus"] = System.Text.Json.JsonDocument.Parse("1").RootElement };
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => Client.CreateAsync(type, odd, new WriteOptions { Validation = FieldValidation.Strict }, Limit)))!;
        Assert.That((refusal.Code, refusal.Message.Contains("surplus", StringComparison.Ordinal)), Is.EqualTo((400, true)), refusal.Message);

        var logged = new ListLogger();
        await using var listening = new KubernetesClient(Client.Connection, new KubernetesClientOptions { Logger = logged });
        var stored = await listening.CreateAsync(type, odd, new WriteOptions { Validation = FieldValidation.Warn }, Limit);
        Assert.That(stored.Unknown, Is.Null);
        Assert.That(logged.Lines, Has.One.Contains("surplus"));
    }

    [Test]
    public async Task A_foreground_delete_leaves_the_object_deleting_and_an_orphaning_one_too()
    {
        var type = await InstallAsync();
        foreach (var (propagation, finalizer) in new[] { (DeletePropagation.Foreground, "foregroundDeletion"), (DeletePropagation.Orphan, "orphan") })
        {
            var created = await Client.CreateAsync(type, Widget.Named(Namespace, propagation.ToString().ToLowerInvariant()), Limit);
            var wrong = new DeletePreconditions { Uid = "00000000-0000-0000-0000-000000000000" };
            Assert.That(async () => await Client.DeleteAsync(type, created.Key, wrong, new DeleteOptions { Propagation = propagation }, Limit), Throws.InstanceOf<KubernetesException>().With.Property("IsConflict").True);
            await Client.DeleteAsync(type, created.Key, new DeletePreconditions { Uid = created.Metadata.Uid }, new DeleteOptions { Propagation = propagation, GracePeriod = TimeSpan.Zero }, Limit);
            var found = (await Client.FindAsync(type, created.Key, Limit))!;
            Assert.That((found.IsDeleting, found.Metadata.HasFinalizer(finalizer)), Is.EqualTo((true, true)), "no garbage collector runs here");
        }
    }

    [Test]
    public async Task A_collection_is_deleted_by_its_selector()
    {
        var type = await InstallAsync();
        for (var i = 0; i < 6; i++)
        {
            var widget = Widget.Named(Namespace, $"w{i}");
            widget.Metadata.Labels = new() { ["half"] = i % 2 == 0 ? "even" : "odd" };
            await Client.CreateAsync(type, widget, Limit);
        }
        await Client.DeleteCollectionAsync(type, new ListOptions { Namespace = Namespace, LabelSelector = "half=even" }, null, Limit);
        var left = await Client.ListAsync(type, new ListOptions { Namespace = Namespace }, Limit);
        Assert.That(left.Items.Select(w => w.Metadata.Name), Is.EqualTo(new[] { "w1", "w3", "w5" }));
        Assert.That(async () => await Client.DeleteCollectionAsync(type, new ListOptions(), null, Limit), Throws.ArgumentException);
    }

    [Test]
    public async Task Raw_objects_are_listed_watched_found_and_written_back_byte_for_byte()
    {
        var type = await InstallAsync("raws");
        var text = $$$"""{"apiVersion":"{{{type.ApiVersion}}}","kind":"{{{type.Kind}}}","metadata":{"name":"one"},"spec":{"replicas":0,"later":{"key":[1,null,{"isDeleting":true}]} } }""";
        var created = await Client.CreateRawAsync(type, Namespace, Encoding.UTF8.GetBytes(text), null, Limit);
        Assert.That(created.Key, Is.EqualTo(new ObjectKey(Namespace, "one")));
        var page = await Client.ListRawAsync(type, new ListOptions { Namespace = Namespace }, Limit);
        var listed = page.Items.Single();
        Assert.That((listed.ResourceVersion, listed.Uid), Is.EqualTo((created.ResourceVersion, created.Uid)));
        Assert.That(JsonNode.Parse(listed.Utf8.Span)!["metadata"]!["managedFields"], Is.Not.Null, "the server's own bytes");

        var changed = JsonNode.Parse(listed.Utf8.Span)!;
        changed["spec"]!["replicas"] = 4;
        var bytes = Encoding.UTF8.GetBytes(changed.ToJsonString());
        var replaced = await Client.ReplaceRawAsync(type, listed.Key, bytes, null, null, Limit);
        Assert.That(JsonNode.DeepEquals(JsonNode.Parse(replaced.Utf8.Span)!["spec"], changed["spec"]));
        Assert.That(async () => await Client.ReplaceRawAsync(type, listed.Key, bytes, null, null, Limit), Throws.InstanceOf<KubernetesException>().With.Property("IsConflict").True);
        Assert.That(async () => await Client.ReplaceRawAsync(type, new ObjectKey(Namespace, "two"), bytes, null, null, Limit), Throws.ArgumentException);

        await foreach (var change in Client.WatchRawAsync(type, new WatchOptions { Namespace = Namespace, ResourceVersion = page.ResourceVersion }, Limit))
        {
            if (change.Type == WatchEventType.Bookmark)
                continue;
            Assert.That((change.Type, change.Object!.Key, change.ResourceVersion), Is.EqualTo((WatchEventType.Modified, listed.Key, replaced.ResourceVersion)));
            break;
        }
        Assert.That((await Client.FindRawAsync(type, listed.Key, Limit))!.ResourceVersion, Is.EqualTo(replaced.ResourceVersion));
        Assert.That(await Client.FindRawAsync(type, new ObjectKey(Namespace, "none"), Limit), Is.Null);
    }
}
