using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>A plane comes with its object, survives what the server survives, and goes with it.</summary>
[TestFixture]
public sealed class LifecycleTests
{
    private const string Projects = $"/apis/{Door.Group}/projects";
    private const string Held = ""","finalizers":["x.y/z"]""";
    private const string Release = """{"metadata":{"finalizers":null}}""";
    private const string Merge = "application/merge-patch+json";

    private TempFolder folder = null!;

    [SetUp]
    public void MakeFolder() => folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => folder.Dispose();

    [Test]
    public async Task A_project_holds_our_finalizer_before_its_plane_is_served_and_says_when_it_is()
    {
        await using var door = await Door.OpenAsync(folder);
        Assert.That((await door.Admin.ExpectAsync(404, "GET", Door.At("a", "/api"))).Message, Is.EqualTo("projects.resourcemanager.miloapis.com \"a\" not found"));
        await door.ProjectAsync("a");
        var project = (await door.Admin.ExpectAsync(200, "GET", Projects + "/a")).Json!;
        Assert.That(project["metadata"]!["finalizers"]!.AsArray().Select(f => (string?)f), Does.Contain(Door.Finalizer));
        await door.Admin.ExpectAsync(200, "GET", Door.At("a", "/api/v1/namespaces/default"));
        await door.Admin.ExpectAsync(200, "GET", $"/apis/{Door.OlderGroup}/projects/a/control-plane/api/v1/namespaces/default");
    }

    [Test]
    public async Task At_rest_nothing_more_is_written_to_a_project()
    {
        await using var door = await Door.OpenAsync(folder);
        await door.ProjectAsync("a");
        var version = await VersionAsync();
        // Each change of the object is looked at: a label that is set by somebody else must not start a quarrel.
        await door.Admin.ExpectAsync(200, "PATCH", Projects + "/a", """{"metadata":{"labels":{"x":"y"}}}""", Merge);
        await door.ProjectAsync("b");
        Assert.That(await VersionAsync(), Is.EqualTo(version + 1), "the label and nothing else");

        async Task<long> VersionAsync() => long.Parse((string)(await door.Admin.ExpectAsync(200, "GET", Projects + "/a")).Json!["metadata"]!["resourceVersion"]!, System.Globalization.CultureInfo.InvariantCulture);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_deleted_project_waits_for_the_finalizers_in_its_plane_and_takes_nothing_new(bool onDisk)
    {
        await using var door = await Door.OpenAsync(folder, state: onDisk ? folder.File("state") : null);
        var uid = await door.ProjectAsync("a");
        var maps = Door.At("a", Door.Maps);
        await door.Admin.ExpectAsync(201, "POST", maps, Door.Map("plain"));
        await door.Admin.ExpectAsync(201, "POST", maps, Door.Map("held", Held));
        await door.Admin.ExpectAsync(201, "POST", Door.At("a", "/api/v1/namespaces"), Door.Named("Namespace", "v1", "team"));
        await door.Admin.ExpectAsync(201, "POST", Door.At("a", "/api/v1/namespaces/team/configmaps"), Door.Map("inside"));
        await door.Admin.ExpectAsync(200, "DELETE", Projects + "/a");
        await door.GoneAsync(maps + "/plain");
        await door.GoneAsync(Door.At("a", "/api/v1/namespaces/team"));
        await door.ReadyAsync(Projects + "/a", "Terminating");
        Assert.That((await door.Admin.ExpectAsync(403, "POST", maps, Door.Map("late"))).Message, Does.Contain("unable to create new content in Project a because it is being terminated"));
        await door.Admin.ExpectAsync(200, "PATCH", maps + "/held", Release, Merge);
        await door.GoneAsync(Projects + "/a");
        await door.Admin.ExpectAsync(404, "GET", maps);
        if (onDisk) Assert.That(Directory.Exists(Path.Combine(folder.File("state"), "planes", uid)), Is.False, "nothing of it is left on the disk");

        Assert.That(await door.ProjectAsync("a"), Is.Not.EqualTo(uid));
        Assert.That((await door.Admin.ExpectAsync(200, "GET", maps)).Json!["items"]!.AsArray(), Is.Empty, "a new project of the old name starts empty");
    }

    [Test]
    public async Task A_watch_ends_when_its_plane_goes()
    {
        await using var door = await Door.OpenAsync(folder);
        await door.ProjectAsync("a");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await using var stream = await door.Admin.Http.GetStreamAsync(Door.At("a", $"{Door.Maps}?watch=1"), deadline.Token);
        await door.Admin.ExpectAsync(200, "DELETE", Projects + "/a");
        using var reader = new StreamReader(stream);
        Assert.That(await reader.ReadToEndAsync(deadline.Token), Is.Empty);
    }

    [Test]
    public async Task Planes_survive_a_restart_with_versions_uids_and_watches()
    {
        var state = folder.File("state");
        string version, uid;
        await using (var door = await Door.OpenAsync(folder, state: state))
        {
            await door.ProjectAsync("a");
            await door.ProjectAsync("b");
            uid = await KubeSystemAsync(door);
            version = (string)(await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Widgets), Door.Widget("first"))).Json!["metadata"]!["resourceVersion"]!;
            await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Widgets), Door.Widget("second"));
        }

        await using (var door = await Door.OpenAsync(folder, state: state, install: false))
        {
            Assert.That(await KubeSystemAsync(door), Is.EqualTo(uid));
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await using var stream = await door.Admin.Http.GetStreamAsync(Door.At("a", $"{Door.Widgets}?watch=1&resourceVersion={version}"), deadline.Token);
            using var reader = new StreamReader(stream);
            Assert.That((string?)JsonNode.Parse((await reader.ReadLineAsync(deadline.Token))!)!["object"]!["metadata"]!["name"], Is.EqualTo("second"));
            Assert.That((await door.Admin.ExpectAsync(200, "GET", Door.At("b", Door.Widgets))).Json!["items"]!.AsArray(), Is.Empty);
        }

        static async Task<string> KubeSystemAsync(Door door) => (string)(await door.Admin.ExpectAsync(200, "GET", Door.At("a", "/api/v1/namespaces/kube-system"))).Json!["metadata"]!["uid"]!;
    }

    [Test]
    public async Task Every_answered_write_is_on_the_disk_when_the_process_is_killed_also_in_the_middle_of_a_deletion()
    {
        var killed = folder.File("killed");
        await using (var door = await Door.OpenAsync(folder, state: folder.File("state")))
        {
            await door.ProjectAsync("a");
            await door.ProjectAsync("dying");
            await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("kept"));
            await door.Admin.ExpectAsync(201, "POST", Door.At("dying", Door.Maps), Door.Map("held", Held));
            await door.Admin.ExpectAsync(200, "DELETE", Projects + "/dying");
            await door.ReadyAsync(Projects + "/dying", "Terminating");
            // What a killed process leaves is the disk as it is, without any of the work of a stop.
            Copy(folder.File("state"), killed);
        }

        await using (var door = await Door.OpenAsync(folder, state: killed, install: false))
        {
            await door.Admin.ExpectAsync(200, "GET", Door.At("a", Door.Maps + "/kept"));
            await door.Admin.ExpectAsync(403, "POST", Door.At("dying", Door.Maps), Door.Map("late"));
            await door.Admin.ExpectAsync(200, "PATCH", Door.At("dying", Door.Maps + "/held"), Release, Merge);
            await door.GoneAsync(Projects + "/dying");
        }
    }

    [Test]
    public async Task A_deletion_that_was_cut_off_after_the_folder_is_finished_at_the_next_start()
    {
        string uid;
        await using (var door = await Door.OpenAsync(folder, state: folder.File("state")))
        {
            uid = await door.ProjectAsync("a", Held);
            await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("held", Held));
            await door.Admin.ExpectAsync(200, "DELETE", Projects + "/a");
            await door.ReadyAsync(Projects + "/a", "Terminating");
        }

        Directory.Delete(Path.Combine(folder.File("state"), "planes", uid), recursive: true);
        await using (var door = await Door.OpenAsync(folder, state: folder.File("state"), install: false))
        {
            await Eventually.HoldsAsync(async () => !(await door.Admin.ExpectAsync(200, "GET", Projects + "/a")).Text.Contains(Door.Finalizer, StringComparison.Ordinal), "our finalizer goes");
            await door.Admin.ExpectAsync(404, "GET", Projects + "/never");
        }
    }

    [Test]
    public async Task A_plane_whose_log_is_damaged_is_not_served_and_the_others_are()
    {
        string uid;
        await using (var door = await Door.OpenAsync(folder, state: folder.File("state")))
        {
            uid = await door.ProjectAsync("bad");
            await door.ProjectAsync("good");
        }

        var log = Path.Combine(folder.File("state"), "planes", uid, "plane.log");
        var bytes = await File.ReadAllBytesAsync(log);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(log, bytes);
        await using (var door = await Door.OpenAsync(folder, state: folder.File("state"), install: false))
        {
            await door.Admin.ExpectAsync(200, "GET", Door.At("good", "/api"));
            Assert.That(await door.ReasonAsync(Projects + "/bad"), Is.EqualTo("StateUnreadable"));
            await door.Admin.ExpectAsync(503, "GET", Door.At("bad", "/api"));
            Assert.That(door.Log.Text, Does.Contain("Error 44").And.Contain(log));
            // Its objects can't be counted, so the definition of what it may hold stays.
            await door.Admin.ExpectAsync(200, "DELETE", Door.Crds + "/widgets.test.example.com");
            await door.Admin.ExpectAsync(200, "GET", Door.Crds + "/widgets.test.example.com");
        }
    }

    [Test]
    public async Task A_project_of_a_taken_name_says_so_and_gets_its_plane_when_the_name_is_free()
    {
        await using var door = await Door.OpenAsync(folder);
        await door.ProjectAsync("a");
        await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Maps), Door.Map("m"));
        const string older = $"/apis/{Door.OlderGroup}/projects";
        await door.Admin.ExpectAsync(201, "POST", older, Door.Named("Project", Door.OlderGroup, "a"));
        await door.ReadyAsync(older + "/a", "NameTaken");
        await door.Admin.ExpectAsync(200, "DELETE", Projects + "/a");
        await door.ReadyAsync(older + "/a");
        Assert.That((await door.Admin.ExpectAsync(200, "GET", Door.At("a", Door.Maps))).Json!["items"]!.AsArray(), Is.Empty, "the new holder sees nothing of the old one");
        await door.Admin.ExpectAsync(200, "DELETE", older + "/a");
        await door.GoneAsync(older + "/a");
    }

    [Test]
    public async Task An_organizations_plane_makes_projects_and_takes_them_with_it()
    {
        await using var door = await Door.OpenAsync(folder, state: folder.File("state"));
        const string organization = $"/apis/{Door.Group}/organizations/o";
        await door.Admin.ExpectAsync(201, "POST", $"/apis/{Door.Group}/organizations", Door.Named("Organization", Door.Group, "o"));
        await door.ReadyAsync(organization);
        await door.ProjectAsync("p", plane: organization + "/control-plane");
        await door.Admin.ExpectAsync(201, "POST", Door.At("p", Door.Maps), Door.Map("held", Held));
        await door.Admin.ExpectAsync(404, "GET", Projects + "/p");
        await door.Admin.ExpectAsync(404, "GET", organization + "/control-plane" + organization);
        await door.Admin.ExpectAsync(200, "DELETE", organization);
        await door.ReadyAsync(organization + "/control-plane" + Projects + "/p", "Terminating");
        await door.Admin.ExpectAsync(200, "PATCH", Door.At("p", Door.Maps + "/held"), Release, Merge);
        await door.GoneAsync(organization);
        await door.Admin.ExpectAsync(404, "GET", Door.At("p", "/api"));
        Assert.That(Directory.EnumerateDirectories(Path.Combine(folder.File("state"), "planes")), Is.Empty);
    }

    [Test]
    public async Task A_project_whose_finalizer_was_taken_off_takes_its_plane_at_once()
    {
        await using var door = await Door.OpenAsync(folder);
        const string organization = $"/apis/{Door.Group}/organizations/o";
        await door.Admin.ExpectAsync(201, "POST", $"/apis/{Door.Group}/organizations", Door.Named("Organization", Door.Group, "o"));
        await door.ReadyAsync(organization);
        await door.ProjectAsync("p", plane: organization + "/control-plane");
        await door.Admin.ExpectAsync(201, "POST", Door.At("p", Door.Maps), Door.Map("held", Held));
        await door.Admin.ExpectAsync(200, "DELETE", organization);
        await door.Admin.ExpectAsync(200, "PATCH", organization, Release, Merge);
        await door.GoneAsync(Door.At("p", "/api"));
        await door.GoneAsync(organization + "/control-plane/api");
    }

    [Test]
    public async Task A_deleted_definition_takes_its_objects_in_every_plane_and_waits_for_them()
    {
        await using var door = await Door.OpenAsync(folder);
        await door.ProjectAsync("a");
        await door.ProjectAsync("b");
        await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Widgets), Door.Widget("w"));
        await door.Admin.ExpectAsync(201, "POST", Door.At("b", Door.Widgets), Door.Widget("w", Held));
        await door.Admin.ExpectAsync(200, "DELETE", Door.Crds + "/widgets.test.example.com");
        await door.GoneAsync(Door.At("a", Door.Widgets + "/w"));
        await door.Admin.ExpectAsync(200, "GET", Door.Crds + "/widgets.test.example.com");
        await door.Admin.ExpectAsync(200, "PATCH", Door.At("b", Door.Widgets + "/w"), Release, Merge);
        await door.GoneAsync(Door.Crds + "/widgets.test.example.com");
        await door.Admin.ExpectAsync(404, "GET", Door.At("b", Door.Widgets));
        await door.InstallAsync(Definitions.Read("widgets.yaml"));
        Assert.That((await door.Admin.ExpectAsync(200, "GET", Door.At("b", Door.Widgets))).Json!["items"]!.AsArray(), Is.Empty);
    }

    [Test]
    public async Task A_definition_is_served_where_its_annotation_says()
    {
        await using var door = await Door.OpenAsync(folder);
        await door.ProjectAsync("a");
        await door.Admin.ExpectAsync(201, "POST", $"/apis/{Door.Group}/organizations", Door.Named("Organization", Door.Group, "o"));
        await door.ReadyAsync($"/apis/{Door.Group}/organizations/o");
        const string things = "/apis/x.example.com/v1/things";
        const string organization = $"/apis/{Door.Group}/organizations/o/control-plane";
        await door.InstallAsync(Door.Kind("x.example.com", "v1", "things", "Thing", "discovery.miloapis.com/parent-contexts: Project"));
        await door.Admin.ExpectAsync(200, "GET", Door.At("a", things));
        await door.Admin.ExpectAsync(404, "GET", organization + things);
        await door.Admin.ExpectAsync(200, "GET", things);
        await door.Admin.ExpectAsync(200, "PATCH", Door.Crds + "/things.x.example.com", """{"metadata":{"annotations":{"discovery.miloapis.com/parent-contexts":"Organization, Other"}}}""", Merge);
        await door.Admin.ExpectAsync(404, "GET", Door.At("a", things));
        await door.Admin.ExpectAsync(200, "GET", organization + things);
    }

    [Test]
    public async Task A_changed_definition_holds_in_every_plane()
    {
        await using var door = await Door.OpenAsync(folder);
        await door.ProjectAsync("a");
        var large = Door.Widget("w").Replace("\"size\":1", "\"size\":11", StringComparison.Ordinal);
        await door.Admin.ExpectAsync(422, "POST", Door.At("a", Door.Widgets), large);
        await door.Admin.ExpectAsync(200, "PATCH", Door.Crds + "/widgets.test.example.com", """[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size/maximum","value":20}]""", "application/json-patch+json");
        await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Widgets), large);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var sub in Directory.EnumerateDirectories(from)) Copy(sub, Path.Combine(to, Path.GetFileName(sub)));
        foreach (var file in Directory.EnumerateFiles(from).Where(f => Path.GetFileName(f) != "plane.lock"))
        {
            using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var target = File.Create(Path.Combine(to, Path.GetFileName(file)));
            source.CopyTo(target);
        }
    }
}
