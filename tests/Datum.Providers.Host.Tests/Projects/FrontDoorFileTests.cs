using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Projects;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.Projects;

/// <summary>The file of <c>run --projects</c>: what it comes to, and what is said of one that can't be used.</summary>
[TestFixture, FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FrontDoorFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("datum-door-file-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Paths_follow_group_and_organization_and_stand_behind_the_servers_own_path()
    {
        Key();
        var today = Read("server: https://api.example.com/front\norganization: acme\ncredentials: {serviceAccountKey: key.json}\nprojects: {selector: env=prod, names: [a, b]}");
        Assert.That(today.Discovery.Server.ToString(), Is.EqualTo("https://api.example.com/front/apis/resourcemanager.miloapis.com/v1alpha1/organizations/acme/control-plane"));
        Assert.That(today.Plane("a").Server.ToString(), Is.EqualTo("https://api.example.com/front/apis/resourcemanager.miloapis.com/v1alpha1/projects/a/control-plane"));
        Assert.That((today.Selector, today.Names, today.Older, today.Core), Is.EqualTo(("env=prod", new[] { "a", "b" }, false, true)));

        var older = Read("server: https://api.example.com\ncredentials: {serviceAccountKey: key.json}\nprojects: {apiVersion: resourcemanager.datumapis.com/v1alpha}\ncoreControllers: never");
        Assert.That(older.Discovery.Server.ToString(), Is.EqualTo("https://api.example.com/"));
        Assert.That(older.Plane("a").Server.ToString(), Is.EqualTo("https://api.example.com/apis/resourcemanager.datumapis.com/v1alpha/projects/a/control-plane"));
        Assert.That((older.Older, older.Core), Is.EqualTo((true, false)));

        var own = Read("server: https://api.example.com\ncredentials: {serviceAccountKey: key.json}\nprojectPath: /clusters/{name}");
        Assert.That(own.Plane("a").Server.ToString(), Is.EqualTo("https://api.example.com/clusters/a"));
    }

    [Test]
    public void A_kubeconfig_with_a_plugin_gives_the_user_of_every_plane()
    {
        File.WriteAllText(At("kc"), """
            apiVersion: v1
            kind: Config
            current-context: c
            clusters: [{name: k, cluster: {server: "https://api.example.com"}}]
            contexts: [{name: c, context: {cluster: k, user: u}}]
            users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: datumctl, args: [auth, get-token], interactiveMode: Never}}}]
            """);
        var settings = Read("credentials: {kubeconfig: kc}");
        var (one, other) = (settings.Plane("a"), settings.Plane("b"));
        Assert.That((one.Exec?.Command, other.Server.AbsolutePath), Is.EqualTo(("datumctl", "/apis/resourcemanager.miloapis.com/v1alpha1/projects/b/control-plane")));
    }

    [TestCase("server: https://x.example.com", "credentials is missing")]
    [TestCase("server: https://x.example.com\ncredentials: {serviceAccountKey: key.json, personalAccessToken: pat}", "exactly one of")]
    [TestCase("server: http://x.example.com\ncredentials: {serviceAccountKey: key.json}", "server must be an https URL")]
    [TestCase("server: https://x.example.com\nsever: y\ncredentials: {serviceAccountKey: key.json}", "sever is unknown")]
    [TestCase("server: https://x.example.com\ncredentials: {serviceAccountKey: key.json}\nprojects: {selecto: a=b}", "projects.selecto is unknown")]
    [TestCase("server: https://x.example.com\ncredentials: {serviceAccountKey: key.json}\nprojects: {apiVersion: v9}", "projects.apiVersion must be")]
    [TestCase("server: https://x.example.com\ncredentials: {serviceAccountKey: key.json}\nprojects: {names: []}", "projects.names must be")]
    [TestCase("server: https://x.example.com\ncredentials: {serviceAccountKey: key.json}\nprojectPath: /no/placeholder", "projectPath must be a path")]
    [TestCase("server: https://x.example.com\norganization: ../other\ncredentials: {serviceAccountKey: key.json}", "organization must be")]
    [TestCase("server: https://x.example.com\ntokenEndpoint: http://x.example.com/t\ncredentials: {serviceAccountKey: key.json}", "tokenEndpoint: must be an https URL")]
    [TestCase("server: https://x.example.com\ncredentials: {kubeconfig: kc}", "stands in the kubeconfig already")]
    [TestCase("server: https://x.example.com\ncredentials: {personalAccessToken: missing}", "can't be read")]
    [TestCase("[1]", "must be one YAML mapping")]
    public void A_file_that_can_not_be_used_is_refused_with_its_field(string text, string told)
    {
        Key();
        Assert.That(() => Read(text), Throws.InstanceOf<KubeConfigException>().With.Message.Contains(told));
    }

    private FrontDoorSettings Read(string text)
    {
        File.WriteAllText(At("projects.yaml"), text);
        return FrontDoorFile.Read(At("projects.yaml"));
    }

    private void Key()
    {
        using var key = RSA.Create(2048);
        File.WriteAllText(At("key.json"), new JsonObject
        {
            ["type"] = "datum_service_account", ["token_uri"] = "https://auth.example.com/oauth/v2/token", ["client_id"] = "host", ["private_key_id"] = "k1", ["private_key"] = key.ExportPkcs8PrivateKeyPem(),
        }.ToJsonString());
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(At("key.json"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private string At(string name) => Path.Combine(_folder, name);
}
