using System.Text.Json;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Gcp.Tests.Conformance;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>All ways in, against endpoints that check what they are shown.</summary>
public sealed class SignInTests
{
    private const string Target = "target@demo-project.iam.gserviceaccount.com";
    private const string Audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/k8s";

    [Test]
    public async Task A_key_signs_in_once_for_many_calls()
    {
        using var bench = Guarded();
        bench.Credentials["serviceAccountKey"] = Keys.File(1);
        Keys.Admit(bench.Cloud, 1);
        var session = await bench.ConnectAsync(new { });
        for (var i = 0; i < 3; i++)
            Assert.That((await session.ProbeAsync(bench.Call())).Value?.AccountId, Is.EqualTo("projects/100200300400"));
        Assert.That(bench.Cloud.Calls.Count(c => c.Path == "/token"), Is.EqualTo(1));
        Assert.That(bench.Cloud.LastCaller, Is.EqualTo(Keys.Email));
    }

    [Test]
    public async Task A_key_that_was_exchanged_for_another_lets_a_new_session_in()
    {
        using var bench = Guarded();
        bench.Credentials["serviceAccountKey"] = Keys.File(1);
        Keys.Admit(bench.Cloud, 1);
        var old = await bench.ConnectAsync(new { });
        await old.ProbeAsync(bench.Call());
        bench.Cloud.RemoveKeys();
        Keys.Admit(bench.Cloud, 2);
        bench.Credentials["serviceAccountKey"] = Keys.File(2);
        Assert.That((await old.ProbeAsync(bench.Call())).Error?.Code, Is.EqualTo(ErrorCode.Unauthenticated));
        Assert.That((await (await bench.ConnectAsync(new { })).ProbeAsync(bench.Call())).Error, Is.Null);
    }

    [Test]
    public async Task A_token_is_renewed_before_it_ends()
    {
        using var bench = Guarded();
        bench.Credentials["serviceAccountKey"] = Keys.File(1);
        Keys.Admit(bench.Cloud, 1);
        var session = await bench.ConnectAsync(new { });
        await session.ProbeAsync(bench.Call());
        bench.Clock.Advance(TimeSpan.FromMinutes(54));
        await session.ProbeAsync(bench.Call());
        Assert.That(bench.Cloud.Calls.Count(c => c.Path == "/token"), Is.EqualTo(1));
        bench.Clock.Advance(TimeSpan.FromMinutes(2));
        await session.ProbeAsync(bench.Call());
        Assert.That(bench.Cloud.Calls.Count(c => c.Path == "/token"), Is.EqualTo(2));
        Assert.That(bench.Cloud.Calls.Count(c => c.Status == 401), Is.Zero);
    }

    [Test]
    public async Task The_metadata_server_is_asked_where_there_are_no_credentials()
    {
        using var bench = Guarded();
        bench.Cloud.MetadataAccount = "node@demo-project.iam.gserviceaccount.com";
        var session = await bench.ConnectAsync(new { });
        Assert.That((await session.ProbeAsync(bench.Call())).Error, Is.Null);
        Assert.That(bench.Cloud.LastCaller, Is.EqualTo("node@demo-project.iam.gserviceaccount.com"));
    }

    [Test]
    public async Task Without_credentials_and_metadata_server_nobody_gets_in()
    {
        using var bench = Guarded();
        var session = await bench.ConnectAsync(new { });
        var error = (await session.ProbeAsync(bench.Call())).Error;
        Assert.That((error?.Code, error?.Scope), Is.EqualTo(((ErrorCode?)ErrorCode.Unauthenticated, (ErrorScope?)ErrorScope.Account)));
    }

    [Test]
    public async Task Federation_exchanges_the_subject_token()
    {
        using var bench = Guarded();
        bench.Cloud.SubjectTokens = ImmutableDictionary<string, string>.Empty.Add("kubernetes-token", Audience);
        bench.Credentials["externalAccount"] = External(source: null);
        bench.Credentials["subjectToken"] = "kubernetes-token\n"u8.ToArray();
        var session = await bench.ConnectAsync(new { });
        Assert.That((await session.ProbeAsync(bench.Call())).Error, Is.Null);
        Assert.That(bench.Cloud.LastCaller, Is.EqualTo("federated:" + Audience));
    }

    [Test]
    public async Task Federation_reads_its_file_anew_at_each_sign_in()
    {
        using var bench = Guarded();
        var file = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"subject-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(file, """{"token":"first"}""");
        bench.Cloud.SubjectTokens = ImmutableDictionary<string, string>.Empty.Add("first", Audience);
        bench.Credentials["externalAccount"] = External(new { file, format = new { type = "json", subject_token_field_name = "token" } });
        var session = await bench.ConnectAsync(new { });
        Assert.That((await session.ProbeAsync(bench.Call())).Error, Is.Null);
        bench.Cloud.ExpireTokens();
        bench.Cloud.SubjectTokens = ImmutableDictionary<string, string>.Empty.Add("second", Audience);
        await File.WriteAllTextAsync(file, """{"token":"second"}""");
        Assert.That((await session.ProbeAsync(bench.Call())).Error, Is.Null);
        File.Delete(file);
    }

    [Test]
    public async Task A_subject_token_that_is_refused_doesn_t_get_into_the_error()
    {
        using var bench = Guarded();
        bench.Credentials["externalAccount"] = External(source: null);
        bench.Credentials["subjectToken"] = "canary-subject-90aa"u8.ToArray();
        var error = (await (await bench.ConnectAsync(new { })).ProbeAsync(bench.Call())).Error!;
        Assert.That(error.Code, Is.EqualTo(ErrorCode.Unauthenticated));
        Assert.That(error.ToString(), Does.Not.Contain("canary-subject"));
    }

    [Test]
    public async Task Impersonation_acts_as_another_account_over_delegates()
    {
        using var bench = Guarded();
        bench.Credentials["serviceAccountKey"] = Keys.File(1);
        Keys.Admit(bench.Cloud, 1);
        const string between = "between@demo-project.iam.gserviceaccount.com";
        bench.Cloud.Impersonations = [(Keys.Email, between), (between, Target)];
        var session = await bench.ConnectAsync(new { authentication = new { impersonate = Target, delegates = new[] { between } } });
        Assert.That((await session.ProbeAsync(bench.Call())).Error, Is.Null);
        Assert.That(bench.Cloud.LastCaller, Is.EqualTo(Target));
    }

    [Test]
    public async Task Impersonation_without_the_right_is_forbidden()
    {
        using var bench = Guarded();
        bench.Credentials["serviceAccountKey"] = Keys.File(1);
        Keys.Admit(bench.Cloud, 1);
        var error = (await (await bench.ConnectAsync(new { authentication = new { impersonate = Target } })).ProbeAsync(bench.Call())).Error;
        Assert.That((error?.Code, error?.Scope), Is.EqualTo(((ErrorCode?)ErrorCode.Forbidden, (ErrorScope?)ErrorScope.Account)));
    }

    [Test]
    public async Task A_federation_s_own_impersonation_is_followed()
    {
        using var bench = Guarded();
        bench.Cloud.SubjectTokens = ImmutableDictionary<string, string>.Empty.Add("t", Audience);
        bench.Cloud.Impersonations = [("federated:" + Audience, Target)];
        bench.Credentials["externalAccount"] = External(source: null, impersonate: $"http://cloud.test/v1/projects/-/serviceAccounts/{Target}:generateAccessToken");
        bench.Credentials["subjectToken"] = "t"u8.ToArray();
        Assert.That((await (await bench.ConnectAsync(new { })).ProbeAsync(bench.Call())).Error, Is.Null);
        Assert.That(bench.Cloud.LastCaller, Is.EqualTo(Target));
    }

    [TestCase("""{"type":"service_account"}""", "external_account")]
    [TestCase("""{"type":"external_account","audience":"a","subject_token_type":"t","credential_source":{"executable":{"command":"/bin/x"}}}""", "program")]
    [TestCase("""{"type":"external_account","subject_token_type":"t"}""", "audience")]
    [TestCase("no json", "JSON")]
    public async Task A_configuration_that_can_t_be_used_says_why(string json, string word)
    {
        using var bench = Guarded();
        bench.Credentials["externalAccount"] = System.Text.Encoding.UTF8.GetBytes(json);
        var refused = (await Assert.ThrowsAsync<DriverException>(() => bench.ConnectAsync(new { })))!;
        Assert.That(refused.Error.Code, Is.EqualTo(ErrorCode.Unauthenticated));
        Assert.That(refused.Error.Message, Does.Contain(word));
    }

    [TestCase("""{"authentication":{"mode":"Key"}}""", ErrorCode.Unauthenticated, "serviceAccountKey")]
    [TestCase("""{"authentication":{"mode":"Password"}}""", ErrorCode.Invalid, "Password")]
    [TestCase("""{"authentication":{"mode":"None","impersonate":"a@b.c"}}""", ErrorCode.Invalid, "impersonated")]
    [TestCase("""{"endpoints":{"metadata":"ftp://x"}}""", ErrorCode.Invalid, "settings.endpoints.metadata")]
    [TestCase("""{"externalAddresses":"Always"}""", ErrorCode.Invalid, "Always")]
    [TestCase("""{"instanceServiceAccount":"nobody"}""", ErrorCode.Invalid, "nobody")]
    public async Task Settings_that_make_no_sense_are_refused(string settings, ErrorCode code, string word)
    {
        using var bench = Guarded();
        var refused = (await Assert.ThrowsAsync<DriverException>(() => bench.ConnectAsync(JsonSerializer.Deserialize<JsonElement>(settings))))!;
        Assert.That(refused.Error.Code, Is.EqualTo(code));
        Assert.That(refused.Error.Message, Does.Contain(word));
    }

    private static Bench Guarded() => new(new GcpKnobs { NeedsToken = true });

    private static byte[] External(object? source, string? impersonate = null) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        type = "external_account",
        audience = Audience,
        subject_token_type = "urn:ietf:params:oauth:token-type:jwt",
        token_url = "http://cloud.test/v1/token",
        service_account_impersonation_url = impersonate,
        credential_source = source,
    });
}
