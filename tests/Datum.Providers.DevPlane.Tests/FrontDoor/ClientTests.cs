using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Testing;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>A project's address is a server address like any other, for kubectl and for our own client.</summary>
[TestFixture]
public sealed class ClientTests
{
    private const string Token = "token-of-the-project-0123456789";
    private static readonly ResourceType<UntypedObject> Widgets = Core.Untyped("test.example.com", "v1", "Widget", "widgets", namespaced: true);

    private TempFolder folder = null!;
    private Door door = null!;

    [SetUp]
    public async Task OpenAsync()
    {
        folder = new TempFolder();
        door = await Door.OpenAsync(folder, $"tokens: [{{token: {Token}, subject: s, access: write, projects: [a]}}]");
        await door.ProjectAsync("a");
        await door.ProjectAsync("b");
    }

    [TearDown]
    public async Task CloseAsync()
    {
        if (door is not null) await door.DisposeAsync();
        folder.Dispose();
    }

    [TestCase(Door.Group)]
    [TestCase(Door.OlderGroup)]
    public async Task Kubectl_works_with_a_projects_address(string group)
    {
        var kubectl = new Testing.Kubectl(door.Kubeconfig(folder, $"/apis/{group}/projects/a/control-plane", Token), folder.Path);
        Assert.That(await kubectl.RunAsync("api-resources"), Does.Contain("widgets").And.Contain("configmaps").And.Not.Contain("projects"));
        foreach (var name in (string[])["one", "two", "three"]) Assert.That(await kubectl.ApplyAsync(Door.Widget(name), "default"), Does.Contain($"{name} created"));
        Assert.That(await kubectl.ApplyAsync(Door.Widget("one"), "default"), Does.Contain("unchanged"));
        Assert.That((await kubectl.RunAsync("get", "wd", "--chunk-size=1", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(3));
        Assert.That(await kubectl.RunAsync("explain", "widget.spec.size"), Does.Contain("integer"));
        Assert.That(await kubectl.RunAsync("describe", "wd", "one"), Does.Contain("Size:"));
        await using (var watch = kubectl.Watch("get", "wd", "one", "-w"))
        {
            await watch.SeesAsync(l => l.StartsWith("one", StringComparison.Ordinal), TimeSpan.FromSeconds(20), "the object");
            await kubectl.RunAsync("patch", "wd", "one", "--type=merge", "-p", """{"spec":{"size":9}}""");
            await watch.SeesAsync(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["one", "9", ..], TimeSpan.FromSeconds(20), "its change");
        }

        Assert.That(await kubectl.RunAsync("delete", "wd", "--all"), Does.Contain("\"two\" deleted"));
        Assert.That(() => kubectl.ApplyAsync(Door.Widget("x").Replace("size", "sise", StringComparison.Ordinal), "default"), Throws.TypeOf<KubectlException>().With.Message.Contains("unknown field \"spec.sise\""));
        var other = new Testing.Kubectl(door.Kubeconfig(folder, $"/apis/{group}/projects/b/control-plane", Token), folder.Path);
        Assert.That(() => other.RunAsync("get", "namespaces"), Throws.TypeOf<KubectlException>().With.Message.Contains("Forbidden"));
    }

    [Test]
    public async Task Our_client_works_with_a_projects_address()
    {
        await using var client = Client("a");
        Assert.That((await client.DiscoverAsync("test.example.com", "v1", CancellationToken.None)).Select(r => r.Plural), Does.Contain("widgets"));
        for (var i = 0; i < 5; i++) await door.Admin.ExpectAsync(201, "POST", Door.At("a", Door.Widgets), Door.Widget("w" + i));
        var names = new List<string?>();
        Kubernetes.ListPage<UntypedObject> page;
        string? next = null;
        do
        {
            page = await client.ListAsync(Widgets, new ListOptions { Namespace = "default", Limit = 2, Continue = next }, CancellationToken.None);
            names.AddRange(page.Items.Select(i => i.Metadata.Name));
            next = page.Continue;
        }
        while (!string.IsNullOrEmpty(next));
        Assert.That(names, Is.EqualTo(new[] { "w0", "w1", "w2", "w3", "w4" }));
        await client.PatchAsync(Widgets, new ObjectKey("default", "w3"), Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["size"] = 7 } }), null, CancellationToken.None);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (var change in client.WatchAsync(Widgets, new WatchOptions { Namespace = "default", ResourceVersion = page.ResourceVersion }, deadline.Token))
        {
            Assert.That((change.Type, change.Object?.Metadata.Name), Is.EqualTo((WatchEventType.Modified, "w3")));
            break;
        }

        await client.DeleteAsync(Widgets, new ObjectKey("default", "w0"), null, CancellationToken.None);
        await door.Admin.ExpectAsync(404, "GET", Door.At("a", Door.Widgets + "/w0"));
    }

    [Test]
    public async Task Our_client_is_refused_in_another_project()
    {
        await using var client = Client("b");
        Assert.That(async () => await client.ListAsync(Widgets, new ListOptions { Namespace = "default" }, CancellationToken.None),
            Throws.TypeOf<KubernetesException>().With.Property(nameof(KubernetesException.Code)).EqualTo(403).And.Message.Contains("system:anonymous"));
    }

    private KubernetesClient Client(string project) =>
        new(KubeConfig.Load(door.Kubeconfig(folder, Door.At(project), Token)), new KubernetesClientOptions());
}
