using System.Text.RegularExpressions;
using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

/// <summary>The examples of docs/reference/sdk.md: they compile, they run, and the page shows exactly them.</summary>
internal sealed partial class SdkPageTests
{
    private static readonly Identity Id = new() { Installation = "inst1", Kind = ResourceKind.Instance, Name = "0123456789abcdef0123456789abcdef", Incarnation = 1 };
    private readonly StandingClock _time = new();

    [Test]
    public void The_page_shows_the_code_that_is_tested()
    {
        var page = File.ReadAllText(RepositoryFile("docs/reference/sdk.md"));
        var code = Plain(File.ReadAllText(RepositoryFile("tests/Datum.Providers.Sdk.Tests/Docs/SdkPageTests.cs")));
        var examples = Fence().Matches(page).Select(m => m.Groups[1].Value).ToList();
        Assert.That(examples, Has.Count.EqualTo(12));
        Assert.Multiple(() =>
        {
            foreach (var example in examples)
                Assert.That(code, Does.Contain(Plain(example)));
        });
    }

    [Test]
    public async Task The_examples_of_requests_do_what_the_page_says()
    {
        using var handler = new StubHandler(m => m.RequestUri!.Host switch
        {
            "login.example" => m.Method == HttpMethod.Post && m.RequestUri.AbsolutePath == "/api/session"
                ? StubHandler.Answer(201, "\"session-1\"")
                : StubHandler.Answer(200, """{"access_token":"token-1","expires_in":3600}"""),
            "management.example" => StubHandler.Answer(m.Headers.GetValues("Authorization").Single() == "Bearer token-1" ? 200 : 401),
            "cloud.test" => StubHandler.Answer(m.Headers.GetValues("vmware-api-session-id").Single() == "session-1" ? 200 : 401),
            _ => m.RequestUri.AbsolutePath switch
            {
                "/v1/servers/7" => StubHandler.Answer(m.Headers.GetValues("Authorization").Single() == "Bearer key" ? 409 : 401, """{"code":"taken"}"""),
                "/v1/instances" => StubHandler.Answer(200, m.RequestUri.Query.Contains("pageToken", StringComparison.Ordinal) ? "{}" : """{"nextPageToken":"t2"}"""),
                _ => StubHandler.Answer(200, m.Method == HttpMethod.Post ? """{"status":"RUNNING","selfLink":"https://cloud.example/v1/ops/1"}""" : """{"status":"DONE"}"""),
            },
        });
        var call = Make.Call(_time);
        using var client = Make.Client(handler, _time, o => o with { BaseAddress = new Uri("https://cloud.example/v1/") });
        using var signIn = Make.Client(handler, _time, o => o with { BaseAddress = new Uri("https://login.example/") });
        var first = await Page(client, call, null);
        await Assert.MultipleAsync(async () =>
        {
            Assert.That(await Send(handler, _time, call), Is.EqualTo("Conflict NotApplied"));
            Assert.That(await OAuth(handler, _time, call), Is.EqualTo(200));
            Assert.That(await Session(signIn, handler, _time, call), Is.EqualTo(200));
            Assert.That(first, Does.StartWith("p1.t."));
            Assert.That(await Page(client, call, first), Is.Null);
            Assert.That(await Page(client, call, "p1.t.x.1.x"), Does.Contain("another listing"));
            Assert.That(await AllPages(new Pager(PageStyle.Token("pageToken", "nextPageToken")), client, call), Is.EqualTo(2));
            Assert.That(await Operation(client, call), Is.EqualTo(OperationStatus.Succeeded));
            Assert.That(handler.Sent[^1].RequestUri!.AbsoluteUri, Is.EqualTo("https://cloud.example/v1/ops/1"));
        });
    }

    [Test]
    public void The_other_examples_do_what_the_page_says()
    {
        var (name, vnet, number, uuid) = Naming(Id);
        Assert.Multiple(() =>
        {
            Assert.That(Table().Code, Is.EqualTo(ErrorCode.Throttled));
            Assert.That(name, Is.EqualTo("ins-0123456789abcdef0123456789abcdef"));
            Assert.That(vnet, Does.Match("^[a-z][a-z0-9]{7}$"));
            Assert.That(number, Is.InRange(1000, 1999));
            Assert.That(uuid, Is.EqualTo(ResourceNames.Uuid(Id)));
            Assert.That(Labels(Id, new NetworkSpec { Labels = ImmutableDictionary<string, string>.Empty.Add("App.io/Name", "Web") }), Is.EqualTo(MarkState.Ours));
            Assert.That(Prefixes(), Is.EqualTo("10.128.0.0/10, fd00::/64, 10.0.1.0/24, 10.0.1.1"));
            Assert.That(Firewall(new FirewallSpec
            {
                Network = new Reference { Name = "n" },
                Ingress =
                [
                    new() { Protocol = "TCP", Port = 443, Source = "0.0.0.0/0" }, new() { Protocol = "TCP", Port = 80, Source = "0.0.0.0/0" },
                    new() { Protocol = "TCP", Port = 80, Source = "::/0" },
                ],
            }), Is.EqualTo("TCP 80,443 from 0.0.0.0/0; TCP 80 from ::/0"));
            Assert.That(Maps(new InstanceSpec
            {
                Hostname = "h",
                Interfaces = [],
                Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 1500, MemoryMiB = 2048 },
            }, new Connection { Installation = "i" }), Is.EqualTo("m.large; volumes[boot].disk.image"));
        });
    }

    private static async Task<string> Send(HttpMessageHandler handler, TimeProvider time, Call call)
    {
        using var client = new RestClient(handler, new RestClientOptions
        {
            BaseAddress = new Uri("https://cloud.example/v1/"),
            Time = time,
            Authorizer = ApiKeyAuthorizer.Bearer("key"),
        });
        var answer = await client.SendAsync(call, RestRequest.Get("servers/7"));
        if (answer.NotFound)
            return "absent";
        return answer.Error is { } error ? $"{error.Code} {error.Effect}" : answer.Text();
    }

    private static DriverError Table()
    {
        var table = new ErrorTable
        {
            Rows =
            [
                new() { PlatformCodes = ["ZONE_RESOURCE_POOL_EXHAUSTED*", "STOCKOUT"], Code = ErrorCode.CapacityUnavailable, Effect = Effect.NotApplied },
                new() { Status = 403, PlatformCodes = ["rateLimitExceeded", "userRateLimitExceeded"], Code = ErrorCode.Throttled },
                new() { Status = 400, MessageContains = "quota", Code = ErrorCode.QuotaExceeded },
            ],
            Redactor = new Redactor("the session's password"),
        };
        return table.Classify(403, new ErrorDetail { Code = "userRateLimitExceeded" }, mutation: true);
    }

    private static async Task<int> OAuth(HttpMessageHandler handler, TimeProvider time, Call call)
    {
        using var signIn = new RestClient(handler, new RestClientOptions { BaseAddress = new Uri("https://login.example/"), Time = time, Errors = OAuth2.Errors });
        using var tokens = OAuth2.ClientCredentials(signIn, new OAuth2ClientOptions
        {
            TokenPath = "tenant/oauth2/v2.0/token",
            ClientId = "client",
            ClientSecret = _ => ValueTask.FromResult("secret"),
            Style = OAuth2ClientStyle.Body,
            Scope = "https://management.example/.default",
        });
        using var client = new RestClient(handler, new RestClientOptions
        {
            BaseAddress = new Uri("https://management.example/"),
            Time = time,
            Authorizer = new TokenAuthorizer(tokens),
        });
        return (await client.SendAsync(call, RestRequest.Get("subscriptions"))).Status;
    }

    private static async Task<int> Session(RestClient signIn, HttpMessageHandler handler, TimeProvider time, Call call)
    {
        await using var session = new SessionTokens(signIn, new SessionTokenOptions
        {
            SignIn = _ => ValueTask.FromResult(RestRequest.Post("api/session").WithHeader("Authorization", "Basic dXNlcjpwYXNz")),
            Token = SessionTokens.FromText(time, TimeSpan.FromMinutes(30)),
            Header = "vmware-api-session-id",
            SignOut = _ => RestRequest.Delete("api/session"),
        });

        using var client = Make.Client(handler, time, o => o with { Authorizer = session });
        return (await client.SendAsync(call, RestRequest.Get("vm"))).Status;
    }

    private static async Task<string?> Page(RestClient client, Call call, string? cursor)
    {
        var pager = new Pager(PageStyle.Token("pageToken", "nextPageToken"), "account-1", "instances", "install-a");
        var page = await pager.GetAsync(client, call, RestRequest.Get("instances?maxResults=500"), cursor);
        return page.Error is { } error ? error.Message : page.Next;
    }

    private static async Task<int> AllPages(Pager pager, RestClient client, Call call)
    {
        var all = await pager.AllAsync(client, call, RestRequest.Get("instances"), complete: page => JsonText.Find(page.Body, "warning", "code") is null);

        return all.Value!.Pages.Length;
    }

    private static async Task<OperationStatus> Operation(RestClient client, Call call)
    {
        var operations = new Operations(client, new OperationResources());
        var begun = operations.Begin(await client.SendAsync(call, RestRequest.Post("zones/a/instances?requestId=1")));
        if (begun.Status != OperationStatus.Running)
            return begun.Status;
        var look = await operations.LookAsync(call, begun.Progress!.Handle);
        return look.Status;
    }

    private static (string, string, int, Guid) Naming(Identity id)
    {
        var name = ResourceNames.For(id, new NameRules { MaxLength = 63 });
        var vnet = ResourceNames.Candidate(id, new NameRules { MaxLength = 8, Separator = "" }, attempt: 0);
        var number = ResourceNames.NumberCandidates(id, 1000, 1999).First();
        var uuid = ResourceNames.Uuid(id);

        return (name, vnet, number, uuid);
    }

    private static MarkState Labels(Identity id, NetworkSpec spec)
    {
        var labels = LabelRules.Gcp.Fit(spec.Labels).AddRange(new PairMarks(LabelRules.Gcp).Write(Marks.For(id, "nic-0")));
        return Marks.Compare(id, PairMarks.Read(labels), "nic-0");
    }

    private static string Prefixes()
    {
        var left = CidrSets.Except([Cidr.Parse("10.0.0.0/8")], [Cidr.Parse("10.0.0.0/9"), Cidr.Parse("10.192.0.0/10")]);
        var merged = CidrSets.Merge(Cidr.Parse("fd00::/65"), Cidr.Parse("fd00:0:0:0:8000::/65"));
        var free = CidrSets.NextFree(Cidr.Parse("10.0.0.0/16"), 24, [Cidr.Parse("10.0.0.0/24")]);
        return $"{string.Join(' ', left)}, {string.Join(' ', merged)}, {free}, {free!.Value.Gateway}";
    }

    private static string Firewall(FirewallSpec spec)
    {
        var groups = IngressGroups.Of(spec.Ingress, new IngressLimits { MaxSources = 256, MaxPortRanges = 16, MaxRules = 60 }, "ingress");
        if (groups.Error is { } error)
            return error.Message;
        return string.Join("; ", groups.Value!.Groups.Select(g => $"{g.Protocol} {string.Join(',', g.Ports)} from {string.Join(',', g.Sources)}"));
    }

    private static string Maps(InstanceSpec spec, Connection connection)
    {
        var size = SizeMap.Choose(spec.Size, [new() { Name = "m.large", CpuMillis = 2000, MemoryMiB = 8192 }, new() { Name = "m.small", CpuMillis = 1000, MemoryMiB = 2048 }]);
        var image = NameMap.Images(ImmutableDictionary<string, string>.Empty.Add("datumcloud/ubuntu-2204-lts", "ubuntu-22-04-x64"), connection)
            .Find("datumcloud/windows", "volumes[boot].disk.image");
        return $"{size.Value!.Name}; {image.Finding!.Path}";
    }

    private static string Plain(string code) => Blank().Replace(code, " ").Trim();

    private static string RepositoryFile(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props")))
                return Path.Combine(folder.FullName, path);
        throw new DirectoryNotFoundException("The tests run outside the repository.");
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();
}
