using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class ScriptedClientTests
{
    private static readonly ObjectKey Key = new("ns", "w");
    private static readonly Patch Change = Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["replicas"] = 1 } });

    [Test]
    public async Task One_unreadable_item_does_not_fail_its_list()
    {
        await using var server = await StartAsync((c, _, _) => ListAsync(c, 9, Item("a", 1), Item("b", 2, """{"replicas":"many"}"""), Item("c", 3)));
        await using var client = server.Client();
        var page = await client.ListAsync(Widget.Type, new ListOptions(), CancellationToken.None);
        Assert.That(page.Items.Select(i => i.Metadata.Name), Is.EqualTo(new[] { "a", "c" }));
        var bad = page.Unreadable.Single();
        Assert.That((bad.Key, bad.ResourceVersion, bad.Uid), Is.EqualTo((new ObjectKey("ns", "b"), "2", "uid-b")));
        Assert.That(bad.Reason, Does.Contain("replicas"));
    }

    [Test]
    public async Task A_list_is_read_however_the_network_cuts_it()
    {
        var items = Enumerable.Range(1, 40).Select(i => Item($"w{i:00}", i, $$"""{"replicas":{{i}},"note":"{{new string('é', i * 37)}} \"}]{[ "}""")).ToArray();
        await using var server = await StartAsync(async (c, n, ended) =>
        {
            var body = System.Text.Encoding.UTF8.GetBytes($$"""{"metadata":{"resourceVersion":"77","continue":"next"},"items":[{{string.Join(", ", items)}}],"kind":"L"}""");
            for (var at = 0; at < body.Length; at += n * 7)
            {
                await c.Response.Body.WriteAsync(body.AsMemory(at, Math.Min(n * 7, body.Length - at)), ended);
                await c.Response.Body.FlushAsync(ended);
            }
        });
        await using var client = server.Client();
        for (var i = 0; i < 3; i++)
        {
            var page = await client.ListAsync(Widget.Type, new ListOptions(), CancellationToken.None);
            Assert.That(page.Items.Select(w => w.Spec.Replicas), Is.EqualTo(Enumerable.Range(1, 40)));
            Assert.That(page.Items[^1].Spec.Note, Is.EqualTo(new string('é', 40 * 37) + " \"}]{[ "));
            Assert.That((page.ResourceVersion, page.Continue), Is.EqualTo(("77", "next")));
        }
    }

    [Test]
    public async Task A_list_that_breaks_off_is_read_again_and_never_taken_as_complete()
    {
        await using var server = await StartAsync(async (c, n, ended) =>
        {
            if (n == 1)
            {
                await c.Response.WriteAsync("""{"metadata":{"resourceVersion":"5"},"items":[""" + Item("a", 1), ended);
                return;
            }
            await ListAsync(c, 6, Item("a", 1), Item("b", 2));
        });
        await using var client = server.Client();
        var page = await client.ListAsync(Widget.Type, new ListOptions(), CancellationToken.None);
        Assert.That(page.Items, Has.Count.EqualTo(2));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
    }

    [TestCase(429)]
    [TestCase(500)]
    [TestCase(502)]
    [TestCase(503)]
    [TestCase(504)]
    public async Task A_read_is_sent_again_when_the_server_has_trouble(int code)
    {
        await using var server = await StartAsync((c, n, _) => n <= 2 ? StatusAsync(c, code, "Trouble") : JsonAsync(c, 200, Item("w", 4)));
        await using var client = server.Client();
        Assert.That(await client.FindAsync(Widget.Type, Key, CancellationToken.None), Is.Not.Null);
        Assert.That(server.Requests, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_read_gives_up_after_three_retries()
    {
        await using var server = await StartAsync((c, _, _) => StatusAsync(c, 503, "ServiceUnavailable"));
        await using var client = server.Client();
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
        Assert.That((refusal.Code, refusal.Reason), Is.EqualTo((503, "ServiceUnavailable")));
        Assert.That(server.Requests, Has.Count.EqualTo(4));
    }

    [TestCase(403)]
    [TestCase(409)]
    [TestCase(410)]
    [TestCase(422)]
    public async Task A_read_that_is_refused_for_good_is_sent_once(int code)
    {
        await using var server = await StartAsync((c, _, _) => StatusAsync(c, code, "No"));
        await using var client = server.Client();
        await Assert.ThrowsAsync<KubernetesException>(() => client.ListAsync(Widget.Type, new ListOptions(), CancellationToken.None));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [TestCase(429)]
    [TestCase(500)]
    [TestCase(503)]
    [TestCase(0)]
    public async Task A_write_is_never_sent_again(int code)
    {
        await using var server = await StartAsync((c, _, _) =>
        {
            if (code != 0)
                return StatusAsync(c, code, "Trouble");
            c.Abort();
            return Task.CompletedTask;
        });
        await using var client = server.Client();
        var writes = new Func<Task>[]
        {
            () => client.CreateAsync(Widget.Type, Widget.Named("ns", "w"), CancellationToken.None),
            () => client.PatchAsync(Widget.Type, Key, Change, null, CancellationToken.None),
            () => client.DeleteAsync(Widget.Type, Key, null, CancellationToken.None),
            () => client.RawAsync(HttpMethod.Put, "/x", "{}"u8.ToArray(), "application/json", CancellationToken.None),
        };
        for (var i = 0; i < writes.Length; i++)
        {
            Assert.That(async () => await writes[i](), code == 0 ? Throws.InstanceOf<HttpRequestException>() : Throws.InstanceOf<KubernetesException>());
            Assert.That(server.Requests, Has.Count.EqualTo(i + 1));
        }
    }

    [Test]
    public async Task Retry_after_is_waited_for_and_told_to_writers()
    {
        var scheduler = new Datum.Providers.Testing.ManualScheduler();
        await using var server = await StartAsync((c, n, _) =>
        {
            if (n > 2)
                return JsonAsync(c, 200, Item("w", 4));
            c.Response.Headers.RetryAfter = "7";
            return StatusAsync(c, 429, "TooManyRequests");
        });
        await using var client = server.Client(new KubernetesClientOptions { Scheduler = scheduler, RequestTimeout = Timeout.InfiniteTimeSpan });
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => client.PatchAsync(Widget.Type, Key, Change, null, CancellationToken.None)))!;
        Assert.That(refusal.RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(7)));

        var read = client.FindAsync(Widget.Type, Key, CancellationToken.None);
        await scheduler.WaitForTimersAsync();
        Assert.That(scheduler.NextTimer - scheduler.Now, Is.EqualTo(TimeSpan.FromSeconds(7)));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
        scheduler.Advance(TimeSpan.FromSeconds(7));
        Assert.That(await read.WaitAsync(TimeSpan.FromSeconds(20)), Is.Not.Null);
    }

    [Test]
    public async Task A_server_that_does_not_answer_is_given_up_after_the_time_limit()
    {
        var scheduler = new Datum.Providers.Testing.ManualScheduler();
        await using var server = await StartAsync((_, _, ended) => HoldAsync(ended));
        await using var client = server.Client(new KubernetesClientOptions { Scheduler = scheduler, RequestTimeout = TimeSpan.FromSeconds(30) });
        var write = client.PatchAsync(Widget.Type, Key, Change, null, CancellationToken.None);
        await Eventually.HoldsAsync(() => server.Requests.Count == 1, "the request is at the server");
        scheduler.Advance(TimeSpan.FromSeconds(30));
        Assert.That(async () => await write.WaitAsync(TimeSpan.FromSeconds(20)), Throws.InstanceOf<HttpRequestException>().With.InnerException.InstanceOf<TimeoutException>());
    }

    [Test]
    public async Task Lists_ask_for_gzip_and_watches_do_not_and_both_carry_the_token()
    {
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            if (IsWatch(c))
                return;
            c.Response.Headers.ContentEncoding = "gzip";
            await using var zip = new System.IO.Compression.GZipStream(c.Response.Body, System.IO.Compression.CompressionMode.Compress);
            await zip.WriteAsync(System.Text.Encoding.UTF8.GetBytes($$$"""{"metadata":{"resourceVersion":"3"},"items":[{{{Item("a", 1)}}}]}"""), ended);
        });
        await using var client = server.Client();
        var page = await client.ListAsync(Widget.Type, new ListOptions(), CancellationToken.None);
        Assert.That(page.Items, Has.Count.EqualTo(1));
        await foreach (var change in client.WatchAsync(Widget.Type, new WatchOptions { ResourceVersion = "3" }, CancellationToken.None))
            Assert.Fail($"No event was sent, one came: {change.Type}.");
        var headers = server.Headers.ToArray();
        Assert.That((string?)headers[0].AcceptEncoding, Is.EqualTo("gzip"));
        Assert.That((string?)headers[1].AcceptEncoding, Is.Null);
        Assert.That(headers.Select(h => (string?)h.Authorization), Has.All.EqualTo("Bearer t0ken"));
        Assert.That(server.Requests.Last(), Is.EqualTo("GET /apis/tests.example.com/v1/widgets?watch=true&allowWatchBookmarks=true&resourceVersion=3&timeoutSeconds=300"));
    }

    [Test]
    public async Task Lists_and_watches_ask_for_what_their_options_say()
    {
        await using var server = await StartAsync((c, _, _) => IsWatch(c) ? Task.CompletedTask : ListAsync(c, 3));
        await using var client = server.Client();
        var list = new ListOptions { Namespace = "ns", LabelSelector = "a in (b,c)", FieldSelector = "metadata.name=x", Limit = 7, Continue = "t/1", ResourceVersion = "0", ResourceVersionMatch = "NotOlderThan" };
        var watch = new WatchOptions { Namespace = "ns", LabelSelector = "a=b", FieldSelector = "metadata.name=x", ResourceVersion = "9", Timeout = TimeSpan.FromSeconds(61) };
        await client.ListAsync(Widget.Type, list, CancellationToken.None);
        await client.ListRawAsync(Widget.Type, list, CancellationToken.None);
        await foreach (var change in client.WatchAsync(Widget.Type, watch, CancellationToken.None))
            Assert.Fail($"No event was sent, one came: {change.Type}.");
        await foreach (var change in client.WatchRawAsync(Widget.Type, watch, CancellationToken.None))
            Assert.Fail($"No event was sent, one came: {change.Type}.");
        const string path = "GET /apis/tests.example.com/v1/namespaces/ns/widgets?";
        const string listed = path + "labelSelector=a%20in%20%28b%2Cc%29&fieldSelector=metadata.name%3Dx&limit=7&continue=t%2F1&resourceVersion=0&resourceVersionMatch=NotOlderThan";
        const string watched = path + "watch=true&allowWatchBookmarks=true&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&resourceVersion=9&timeoutSeconds=61";
        Assert.That(server.Requests, Is.EqualTo(new[] { listed, listed, watched, watched }));
    }

    [Test]
    public async Task A_refused_secret_is_not_quoted()
    {
        await using var server = await StartAsync((c, _, _) => JsonAsync(c, 400, """{"kind":"Status","message":"can't read canary-5ecret","reason":"BadRequest","code":400}"""));
        await using var client = server.Client();
        var secret = new Secret { Metadata = new() { Namespace = "ns", Name = "s" }, StringData = new() { ["k"] = "canary-5ecret" } };
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => client.CreateAsync(Core.Secrets, secret, CancellationToken.None)))!;
        Assert.That(refusal.ToString(), Does.Not.Contain("canary"));
        Assert.That(refusal.Reason, Is.EqualTo("BadRequest"));
    }

    [Test]
    public async Task An_answer_without_end_is_cut_at_the_limit()
    {
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            await c.Response.WriteAsync("{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"x\":\"", ended);
            while (!ended.IsCancellationRequested)
                await c.Response.WriteAsync(new string('a', 4096), ended);
        });
        await using var client = server.Client(new KubernetesClientOptions { MaxObjectBytes = 100_000, MaxRetries = 0 });
        Assert.That(async () => await client.ListAsync(Widget.Type, new ListOptions(), CancellationToken.None),
            Throws.InstanceOf<HttpRequestException>().With.Property("HttpRequestError").EqualTo(HttpRequestError.InvalidResponse));
        Assert.That(async () => await client.FindAsync(Widget.Type, Key, CancellationToken.None), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task An_expired_watch_throws_410_whether_in_its_status_or_in_an_event()
    {
        await using var server = await StartAsync((c, n, _) => n == 1
            ? StatusAsync(c, (int)HttpStatusCode.Gone, "Expired")
            : EventAsync(c, "ERROR", """{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old","reason":"Expired","code":410}"""));
        await using var client = server.Client();
        for (var i = 0; i < 2; i++)
        {
            var refusal = (await Assert.ThrowsAsync<KubernetesException>(async () =>
            {
                await foreach (var change in client.WatchAsync(Widget.Type, new WatchOptions { ResourceVersion = "1" }, CancellationToken.None))
                    Assert.Fail($"An event came: {change.Type}.");
            }))!;
            Assert.That(refusal.IsExpired);
        }
    }

    [Test]
    public async Task A_token_file_is_read_again_after_a_minute_and_after_a_refusal()
    {
        var scheduler = new Datum.Providers.Testing.ManualScheduler();
        var file = Path.GetTempFileName();
        try
        {
            await using var server = await StartAsync((c, _, _) => c.Request.Headers.Authorization == "Bearer revoked" ? StatusAsync(c, 401, "Unauthorized") : JsonAsync(c, 200, Item("w", 4)));
            await using var client = new KubernetesClient(new KubernetesConnection { Server = server.Address, TokenFile = file }, new KubernetesClientOptions { Scheduler = scheduler });
            async Task<string?> UsedAsync(string written, TimeSpan later)
            {
                await File.WriteAllTextAsync(file, written + "\n");
                scheduler.Advance(later);
                await client.FindAsync(Widget.Type, Key, CancellationToken.None);
                return server.Headers.Last().Authorization;
            }

            Assert.That(await UsedAsync("one", TimeSpan.Zero), Is.EqualTo("Bearer one"));
            Assert.That(await UsedAsync("two", TimeSpan.FromSeconds(59)), Is.EqualTo("Bearer one"));
            Assert.That(await UsedAsync("revoked", TimeSpan.Zero), Is.EqualTo("Bearer one"));
            await Assert.ThrowsAsync<KubernetesException>(() => UsedAsync("revoked", TimeSpan.FromSeconds(1)));
            Assert.That(await UsedAsync("three", TimeSpan.Zero), Is.EqualTo("Bearer three"));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
