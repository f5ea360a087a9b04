using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Admission;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>The webhook over https: what it takes, what it answers, and that nothing of it stops anybody.</summary>
[TestFixture]
public sealed class AdmissionServerTests
{
    [Test]
    public async Task A_refusal_names_object_fields_and_rules_as_a_server_does()
    {
        await using var desk = await Desk.OpenAsync();
        var bad = BadManifests.All.First(m => m.Rule == "container.limits");

        var answer = (await desk.AskAsync("CREATE", bad.Json))!["response"]!;

        Assert.Multiple(() =>
        {
            Assert.That((bool)answer["allowed"]!, Is.False);
            Assert.That((string?)answer["uid"], Is.EqualTo("u-1"));
            Assert.That((int)answer["status"]!["code"]!, Is.EqualTo(422));
            Assert.That((string?)answer["status"]!["message"], Does.StartWith("Workload.compute.datumapis.com \"sandbox\" is invalid: " + bad.Field + ": "));
            Assert.That((string?)answer["status"]!["details"]!["causes"]![0]!["field"], Is.EqualTo(bad.Field));
            Assert.That((string?)answer["status"]!["details"]!["causes"]![0]!["message"], Does.EndWith("(container.limits)"));
        });
    }

    [Test]
    public async Task An_update_is_judged_by_what_it_changes()
    {
        await using var desk = await Desk.OpenAsync();
        var (good, broken) = (BadManifests.Good[0], BadManifests.All.First(m => m.Rule == "container.limits").Json);
        var scaled = BadManifests.Spoil(broken, "spec.placements.0.scaleSettings.minReplicas", "2");
        var deleted = BadManifests.Spoil(BadManifests.Spoil(broken, "metadata.deletionTimestamp", "\"2030-01-01T00:00:00Z\""), "spec.placements.0.name", "\"b\"");

        await Assert.MultipleAsync(async () =>
        {
            Assert.That(Allowed(await desk.AskAsync("UPDATE", good, good)), Is.True);
            Assert.That(Allowed(await desk.AskAsync("UPDATE", broken, good)), Is.False, "a new fault");
            Assert.That(Allowed(await desk.AskAsync("UPDATE", BadManifests.Spoil(broken, "metadata.finalizers", "[\"a/b\"]"), broken)), Is.True, "nothing that a rule looks at");
            var kept = await desk.AskAsync("UPDATE", scaled, broken);
            Assert.That(Allowed(kept), Is.True, "a fault that was there before");
            Assert.That((string?)kept!["response"]!["warnings"]![0], Does.Contain("resources.limits[gpu]"));
            Assert.That(Allowed(await desk.AskAsync("UPDATE", deleted, broken)), Is.True, "what is being deleted");
            Assert.That(Allowed(await desk.AskAsync("DELETE", null, broken)), Is.True);
        });
    }

    [Test]
    public async Task Who_may_not_use_a_Network_is_refused_and_it_is_asked_with_all_that_the_server_said_of_him()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Client.May = (review, _) => Task.FromResult(review.Spec.User == "boss");

        var refused = await desk.AskAsync("CREATE", BadManifests.Good[0], user: "ana");
        var taken = await desk.AskAsync("CREATE", BadManifests.Good[0], user: "boss");
        var unchanged = await desk.AskAsync("UPDATE", BadManifests.Spoil(BadManifests.Good[0], "spec.placements.0.scaleSettings.minReplicas", "2"), BadManifests.Good[0], "ana");

        var asked = desk.Client.Asked[0].Spec;
        Assert.Multiple(() =>
        {
            Assert.That((Allowed(refused), Allowed(taken), Allowed(unchanged)), Is.EqualTo((false, true, true)));
            Assert.That((string?)refused!["response"]!["status"]!["message"], Does.Contain("spec.template.spec.networkInterfaces[0].network: ana may not use Network default/default"));
            Assert.That((int)refused["response"]!["status"]!["code"]!, Is.EqualTo(403));
            Assert.That((asked.User, asked.Groups![0], asked.Extra!["iam.miloapis.com/parent-name"][0]), Is.EqualTo(("ana", "team", "p1")));
            Assert.That((asked.ResourceAttributes.Verb, asked.ResourceAttributes.Group, asked.ResourceAttributes.Resource, asked.ResourceAttributes.Namespace, asked.ResourceAttributes.Name),
                Is.EqualTo(("use", "networking.datumapis.com", "networks", "default", "default")));
            Assert.That(desk.Client.Asked, Has.Count.EqualTo(2), "what didn't change isn't asked again");
        });
    }

    [Test]
    public async Task What_cant_be_asked_is_let_through_with_a_warning()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Client.May = (_, _) => throw new KubernetesException(403, "Forbidden", "subjectaccessreviews is forbidden");

        var answer = await desk.AskAsync("CREATE", BadManifests.Good[0]);

        Assert.That(Allowed(answer), Is.True);
        Assert.That((string?)answer!["response"]!["warnings"]![0], Does.Contain("couldn't be asked"));
        Assert.That(desk.Log.Of(1401), Is.Not.Empty);
    }

    [Test]
    public async Task What_takes_longer_than_the_server_waits_is_let_through()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Client.May = async (_, cancellation) =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return false;
        };

        var answer = await desk.AskAsync("CREATE", BadManifests.Good[0]);

        Assert.That(Allowed(answer), Is.True);
        Assert.That((string?)answer!["response"]!["warnings"]![0], Does.Contain("in time"));
        Assert.That(AdmissionServer.Limit, Is.LessThan(TimeSpan.FromSeconds(3)));
    }

    [Test]
    public async Task Other_paths_methods_and_bodies_are_refused()
    {
        await using var desk = await Desk.OpenAsync();

        async Task<HttpStatusCode> Code(HttpMethod method, string path, HttpContent? content = null)
        {
            using var request = new HttpRequestMessage(method, new Uri(desk.Server.Address, path)) { Content = content, Headers = { ExpectContinue = content is not null } };
            using var response = await desk.Http.SendAsync(request);
            return response.StatusCode;
        }

        await Assert.MultipleAsync(async () =>
        {
            Assert.That(await Code(HttpMethod.Get, "/"), Is.EqualTo(HttpStatusCode.NotFound));
            Assert.That(await Code(HttpMethod.Get, "/validate"), Is.EqualTo(HttpStatusCode.MethodNotAllowed));
            Assert.That(await Code(HttpMethod.Post, "/validate", new StringContent("{")), Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(await Code(HttpMethod.Post, "/validate", new StringContent("""{"apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"a"}}""")), Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(await Code(HttpMethod.Post, "/validate", new ByteArrayContent(new byte[AdmissionServer.MaxBody + 1])), Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
            Assert.That(await Code(HttpMethod.Get, "/livez"), Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await Code(HttpMethod.Get, "/readyz"), Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            desk.Ready = true;
            Assert.That(await Code(HttpMethod.Get, "/readyz"), Is.EqualTo(HttpStatusCode.OK));
        });
    }

    [Test]
    public async Task The_certificate_is_read_anew_when_it_changes_and_a_broken_one_isnt_taken()
    {
        await using var desk = await Desk.OpenAsync();
        var first = await desk.SerialAsync();

        var renewed = desk.Certificate.Renew();
        var second = await desk.SerialAsync();
        File.WriteAllText(desk.Certificate.CertificateFile, "no certificate");
        var third = await desk.SerialAsync();

        Assert.Multiple(() =>
        {
            Assert.That(first, Is.Not.EqualTo(renewed));
            Assert.That((second, third), Is.EqualTo((renewed, renewed)));
            Assert.That(desk.Log.Of(1406), Has.Exactly(1).Items);
            Assert.That(desk.Log.Of(1407), Has.Exactly(1).Items);
        });
    }

    [Test]
    public async Task A_certificate_that_isnt_there_and_an_address_in_use_end_the_start_with_what_to_do()
    {
        await using var desk = await Desk.OpenAsync();

        Task Start(WebhookSettings settings) => AdmissionServer.StartAsync(settings, desk.Answers, () => true, desk.Log, TimeProvider.System, CancellationToken.None);

        var missing = await Assert.ThrowsAsync<HostStartException>(() => Start(desk.Settings with { CertificateFile = desk.Certificate.KeyFile + ".none" }));
        Assert.That(missing!.Message, Does.Contain(".none").And.Contain("PEM"));
        await Assert.ThrowsAsync(Is.InstanceOf<IOException>(), () => Start(desk.Settings with { Listen = new IPEndPoint(IPAddress.Loopback, desk.Server.Address.Port) }));
    }

    [Test]
    public async Task L12_nothing_of_an_object_stands_in_the_log()
    {
        const string Canary = "canary-6d1f";
        await using var desk = await Desk.OpenAsync();
        desk.Log.Least = Microsoft.Extensions.Logging.LogLevel.Trace;
        await desk.AskAsync("CREATE", BadManifests.Spoil(BadManifests.All.First(m => m.Rule == "container.limits").Json, "spec.template.spec.runtime.sandbox.containers.0.env", $$"""[{"name":"A","value":"{{Canary}}"}]"""));
        await desk.AskAsync("CREATE", BadManifests.Spoil(BadManifests.Good[0], "spec.placements", $"\"{Canary}\""));

        Assert.That(desk.Log.All.Where(l => l.Contains(Canary, StringComparison.Ordinal)), Is.Empty);
        Assert.That(desk.Log.Of(1402), Has.Exactly(1).Items);
    }

    private static bool Allowed(JsonNode? review) => (bool)review!["response"]!["allowed"]!;

    /// <summary>A server on a free port with a certificate of its own, and a client that trusts it.</summary>
    private sealed class Desk : IAsyncDisposable
    {
        private Desk()
        {
            Settings = new WebhookSettings { Listen = new IPEndPoint(IPAddress.Loopback, 0), CertificateFile = Certificate.CertificateFile, KeyFile = Certificate.KeyFile };
            Answers = new AdmissionDesk(Client, () => null, new Microsoft.Extensions.Logging.Logger<AdmissionDesk>(Log));
            Http = new HttpClient(Handler(Certificate.Authority, null));
        }

        public AccessClient Client { get; } = new();
        public LogLines Log { get; } = new();
        public TestCertificate Certificate { get; } = new();
        public WebhookSettings Settings { get; }
        public AdmissionDesk Answers { get; }
        public HttpClient Http { get; }
        public bool Ready { get; set; }
        public AdmissionServer Server { get; private set; } = null!;

        public static async Task<Desk> OpenAsync()
        {
            var desk = new Desk();
            desk.Server = await AdmissionServer.StartAsync(desk.Settings, desk.Answers, () => desk.Ready, desk.Log, TimeProvider.System, CancellationToken.None);
            return desk;
        }

        public async Task<JsonNode?> AskAsync(string operation, string? value, string? old = null, string user = "ana")
        {
            var review = $$$"""
                {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1","operation":"{{{operation}}}","namespace":"default","name":"sandbox",
                 "userInfo":{"username":"{{{user}}}","groups":["team"],"extra":{"iam.miloapis.com/parent-name":["p1"]}},"object":{{{value ?? "null"}}},"oldObject":{{{old ?? "null"}}} } }
                """;
            using var response = await Http.PostAsync(new Uri(Server.Address, "/validate"), new StringContent(review, Encoding.UTF8, "application/json"));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            return JsonNode.Parse(await response.Content.ReadAsStringAsync());
        }

        /// <summary>The serial number that a new connection sees.</summary>
        public async Task<string> SerialAsync()
        {
            string serial = "";
            using var http = new HttpClient(Handler(Certificate.Authority, s => serial = s));
            (await http.GetAsync(new Uri(Server.Address, "/livez"))).EnsureSuccessStatusCode();
            return serial;
        }

        public async ValueTask DisposeAsync()
        {
            Http.Dispose();
            await Server.DisposeAsync();
            Certificate.Dispose();
        }

        private static SocketsHttpHandler Handler(X509Certificate2 authority, Action<string>? seen) => new()
        {
            UseProxy = false,
            SslOptions = new()
            {
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                {
                    chain!.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
                    chain.ChainPolicy.CustomTrustStore.Add(authority);
                    chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                    var found = (X509Certificate2)certificate!;
                    seen?.Invoke(found.SerialNumber);
                    return chain.Build(found);
                },
            },
        };
    }
}
