using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class RealApiClientTests : RealApiTestBase
{
    [Test]
    public async Task An_object_is_created_found_patched_and_deleted()
    {
        var type = await InstallAsync();
        var key = new ObjectKey(Namespace, "one");
        Assert.That(await Client.FindAsync(type, key, Limit), Is.Null);

        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "one", 2), Limit);
        Assert.That(created.Metadata.Uid, Is.Not.Empty);
        Assert.That(created.Key, Is.EqualTo(key));

        var patched = await Client.PatchAsync(type, key, Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["replicas"] = 3 } }), null, Limit);
        Assert.That(patched.Spec.Replicas, Is.EqualTo(3));
        Assert.That(ResourceVersions.IsNewer(patched.Metadata.ResourceVersion, created.Metadata.ResourceVersion));

        await Client.DeleteAsync(type, key, null, Limit);
        Assert.That(await Client.FindAsync(type, key, Limit), Is.Null);
        await Client.DeleteAsync(type, key, null, Limit);
    }

    [Test]
    public async Task A_second_create_is_refused_as_already_existing()
    {
        var type = await InstallAsync();
        await Client.CreateAsync(type, Widget.Named(Namespace, "one"), Limit);
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => Client.CreateAsync(type, Widget.Named(Namespace, "one"), Limit)))!;
        Assert.That(refusal.IsAlreadyExists);
        Assert.That(refusal.IsConflict, Is.False);
    }

    [Test]
    public async Task A_patch_with_an_old_version_is_a_conflict()
    {
        var type = await InstallAsync();
        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "one", 1), Limit);
        var patch = Patch.Merge(new JsonObject
        {
            ["metadata"] = new JsonObject { ["resourceVersion"] = created.Metadata.ResourceVersion },
            ["spec"] = new JsonObject { ["replicas"] = 2 },
        });
        await Client.PatchAsync(type, created.Key, patch, null, Limit);
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => Client.PatchAsync(type, created.Key, patch, null, Limit)))!;
        Assert.That(refusal.IsConflict);
    }

    [Test]
    public async Task A_status_patch_changes_only_the_status_and_respects_the_version()
    {
        var type = await InstallAsync();
        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "one", 1), Limit);
        var patch = Patch.Merge(new JsonObject
        {
            ["metadata"] = new JsonObject { ["resourceVersion"] = created.Metadata.ResourceVersion },
            ["spec"] = new JsonObject { ["replicas"] = 9 },
            ["status"] = new JsonObject { ["ready"] = 0 },
        });
        var after = await Client.PatchAsync(type, created.Key, patch, "status", Limit);
        Assert.That(after.Spec.Replicas, Is.EqualTo(1));
        Assert.That(after.Status!.Ready, Is.Zero);
        Assert.That(after.Metadata.Generation, Is.EqualTo(created.Metadata.Generation));
        await Assert.ThrowsAsync<KubernetesException>(() => Client.PatchAsync(type, created.Key, patch, "status", Limit));
    }

    [Test]
    public async Task A_json_patch_whose_test_fails_is_refused_with_422()
    {
        var type = await InstallAsync();
        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "one", 1), Limit);
        var patch = Patch.Json(
        [
            new JsonObject { ["op"] = "test", ["path"] = "/spec/replicas", ["value"] = 7 },
            new JsonObject { ["op"] = "replace", ["path"] = "/spec/replicas", ["value"] = 8 },
        ]);
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => Client.PatchAsync(type, created.Key, patch, null, Limit)))!;
        Assert.That(refusal.Code, Is.EqualTo(422));
    }

    [Test]
    public async Task Zero_values_are_written_and_unknown_fields_survive_a_round_trip()
    {
        var type = await InstallAsync();
        var untyped = Core.Untyped(type.Group, type.Version, type.Kind, type.Plural, true);
        var made = new UntypedObject { Metadata = new ObjectMeta { Namespace = Namespace, Name = "source" } };
        made.Unknown = new() { ["spec"] = System.Text.Json.JsonDocument.Parse("""{"replicas":0,"later":{"deep":[1,null,{"x":0}]}}""").RootElement.Clone() };
        await Client.CreateAsync(untyped, made, Limit);

        var read = (await Client.FindAsync(type, new ObjectKey(Namespace, "source"), Limit))!;
        Assert.That(read.Spec.Unknown!["later"].GetProperty("deep")[2].GetProperty("x").GetInt32(), Is.Zero);
        read.Metadata = new ObjectMeta { Namespace = Namespace, Name = "copy" };
        // The schema requires replicas: leaving the zero out would be refused.
        await Client.CreateAsync(type, read, Limit);

        var copy = (await Client.FindAsync(untyped, new ObjectKey(Namespace, "copy"), Limit))!;
        Assert.That(JsonNode.DeepEquals(JsonNode.Parse(copy.Unknown!["spec"].GetRawText()), JsonNode.Parse("""{"replicas":0,"later":{"deep":[1,null,{"x":0}]}}""")), copy.Unknown["spec"].GetRawText());
    }

    [Test]
    public async Task Managed_fields_are_not_kept()
    {
        var type = await InstallAsync();
        await Client.CreateAsync(type, Widget.Named(Namespace, "one"), Limit);
        var raw = await Client.RawAsync(HttpMethod.Get, $"/apis/tests.example.com/v1/namespaces/{Namespace}/widgets/one", null, null, Limit);
        Assume.That(JsonNode.Parse(raw)!["metadata"]!["managedFields"], Is.Not.Null);
        var read = (await Client.FindAsync(type, new ObjectKey(Namespace, "one"), Limit))!;
        Assert.That(read.Metadata.Unknown, Is.Null);
        Assert.That(read.Metadata.ManagedFields, Is.Null);
    }

    [Test]
    public async Task A_delete_with_another_uid_is_a_conflict()
    {
        var type = await InstallAsync();
        var created = await Client.CreateAsync(type, Widget.Named(Namespace, "one"), Limit);
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() =>
            Client.DeleteAsync(type, created.Key, new DeletePreconditions { Uid = "00000000-0000-0000-0000-000000000000" }, Limit)))!;
        Assert.That(refusal.IsConflict);
        await Client.DeleteAsync(type, created.Key, new DeletePreconditions { Uid = created.Metadata.Uid, ResourceVersion = created.Metadata.ResourceVersion }, Limit);
        Assert.That(await Client.FindAsync(type, created.Key, Limit), Is.Null);
    }

    [Test]
    public async Task A_kind_that_is_not_served_is_an_error_and_not_an_absent_object()
    {
        var missing = Core.Untyped("nobody.example.com", "v1", "Ghost", "ghosts", false);
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => Client.FindAsync(missing, new ObjectKey(null, "x"), Limit)))!;
        Assert.That(refusal.IsNotFound);
        await Assert.ThrowsAsync<KubernetesException>(() => Client.DeleteAsync(missing, new ObjectKey(null, "x"), null, Limit));
    }

    [Test]
    public async Task Fifteen_hundred_objects_come_in_pages()
    {
        var type = await InstallAsync("pages");
        await Parallel.ForAsync(0, 1500, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Limit },
            async (i, c) => await Client.CreateAsync(type, Widget.Named(Namespace, $"w{i:0000}", i), c));
        var names = new List<string>();
        var pages = 0;
        string? next = null;
        do
        {
            var page = await Client.ListAsync(type, new ListOptions { Namespace = Namespace, Limit = 500, Continue = next }, Limit);
            names.AddRange(page.Items.Select(w => w.Metadata.Name!));
            Assert.That(page.Unreadable, Is.Empty);
            Assert.That(page.Items, Has.All.Property("Kind").EqualTo(type.Kind));
            next = page.Continue;
            pages++;
        }
        while (next is not null);
        Assert.That(pages, Is.EqualTo(3));
        Assert.That(names, Is.EqualTo(Enumerable.Range(0, 1500).Select(i => $"w{i:0000}")));
    }

    [Test]
    public async Task Selectors_choose_what_is_listed()
    {
        var type = await InstallAsync();
        var labelled = Widget.Named(Namespace, "with");
        labelled.Metadata.Labels = new() { ["app"] = "a&b=c".Replace("&", "-", StringComparison.Ordinal).Replace("=", "_", StringComparison.Ordinal) };
        await Client.CreateAsync(type, labelled, Limit);
        await Client.CreateAsync(type, Widget.Named(Namespace, "without"), Limit);
        var byLabel = await Client.ListAsync(type, new ListOptions { Namespace = Namespace, LabelSelector = "app in (a-b_c)" }, Limit);
        var byName = await Client.ListAsync(type, new ListOptions { Namespace = Namespace, FieldSelector = "metadata.name=without" }, Limit);
        Assert.That(byLabel.Items.Single().Metadata.Name, Is.EqualTo("with"));
        Assert.That(byName.Items.Single().Metadata.Name, Is.EqualTo("without"));
    }

    [Test]
    public async Task Discovery_names_kinds_and_leaves_subresources_out()
    {
        await InstallAsync();
        var ours = await Client.DiscoverAsync("tests.example.com", "v1", Limit);
        var widget = ours.Single(r => r.Plural == "widgets");
        Assert.That((widget.Kind, widget.Namespaced), Is.EqualTo(("Widget", true)));
        Assert.That(ours.Select(r => r.Plural), Has.None.Contain("/"));
        Assert.That((await Client.DiscoverAsync("", "v1", Limit)).Single(r => r.Plural == "namespaces").Namespaced, Is.False);
        Assert.That(await Client.DiscoverAsync("nobody.example.com", "v1", Limit), Is.Empty);
    }

    [Test]
    public async Task Discovery_tells_kinds_versions_and_scopes_of_the_groups_that_are_asked_for()
    {
        var found = (await ApiDiscovery.ReadAsync(Client, ["apiextensions.k8s.io", "coordination.k8s.io", "nobody.example.com"], Limit))!;
        Assert.Multiple(() =>
        {
            Assert.That(found.Find("apiextensions.k8s.io", "customresourcedefinitions", "v1"), Is.EqualTo(new ServedKind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false)));
            Assert.That(found.Find("coordination.k8s.io", "leases", "v0"), Is.EqualTo(new ServedKind("coordination.k8s.io", "v1", "leases", "Lease", true)), "the version that is served");
            Assert.That(found.Find("nobody.example.com", "nothings", "v1"), Is.Null);
            Assert.That(found.Find("tests.example.com", "widgets", "v1"), Is.Null, "a group that wasn't asked for");
        });
    }

    [Test]
    public async Task Core_kinds_are_written_and_read()
    {
        var secret = await Client.CreateAsync(Core.Secrets, new Secret { Metadata = new() { Namespace = Namespace, Name = "s" }, Type = "Opaque", Data = new() { ["k"] = [1, 2, 255] } }, Limit);
        Assert.That(secret.Data!["k"], Is.EqualTo(new byte[] { 1, 2, 255 }));
        var config = await Client.CreateAsync(Core.ConfigMaps, new ConfigMap { Metadata = new() { Namespace = Namespace, Name = "c" }, Data = new() { ["Upper.Case"] = "v" } }, Limit);
        Assert.That(config.Data!["Upper.Case"], Is.EqualTo("v"));
        var when = new DateTimeOffset(2030, 5, 6, 7, 8, 9, TimeSpan.FromHours(2)).AddTicks(1_234_560);
        var lease = await Client.CreateAsync(Core.Leases, new Lease { Metadata = new() { Namespace = Namespace, Name = "l" }, Spec = new() { HolderIdentity = "me", LeaseDurationSeconds = 15, RenewTime = when, LeaseTransitions = 0 } }, Limit);
        Assert.That((lease.Spec!.RenewTime, lease.Spec.LeaseTransitions), Is.EqualTo((when, 0)));
        var note = await Client.CreateAsync(Core.Events, new CoreEvent
        {
            Metadata = new() { Namespace = Namespace, Name = "e" },
            InvolvedObject = new() { Kind = "Secret", Namespace = Namespace, Name = "s" },
            Reason = "Tested",
            Message = "m",
            Type = "Normal",
            EventTime = when,
            FirstTimestamp = when,
            Count = 1,
            ReportingComponent = "tests",
            ReportingInstance = "1",
            Action = "Test",
        }, Limit);
        Assert.That((note.EventTime, note.FirstTimestamp), Is.EqualTo((when, when.AddTicks(-1_234_560))));
    }

    [Test]
    public async Task Installing_a_kind_again_writes_nothing_and_a_changed_schema_is_patched()
    {
        await InstallAsync("gadgets");
        var before = Requests.Writes;
        await InstallAsync("gadgets");
        Assert.That(Requests.Writes, Is.EqualTo(before));

        var changed = System.Text.Encoding.UTF8.GetString(Widget.Crd("gadgets")).Replace("note: {type: string}", "note: {type: string, maxLength: 3}", StringComparison.Ordinal);
        await PlaneInstaller.ApplyCrdsAsync(Client, [System.Text.Encoding.UTF8.GetBytes(changed)], Limit);
        Assert.That(Requests.Count("patch", "customresourcedefinitions.apiextensions.k8s.io"), Is.EqualTo(1));
        var stored = (await Client.FindAsync(Core.CustomResourceDefinitions, new ObjectKey(null, "gadgets.tests.example.com"), Limit))!;
        Assert.That(stored.Spec!.Unknown!["versions"].GetRawText(), Does.Contain("\"maxLength\":3"));
    }
}
