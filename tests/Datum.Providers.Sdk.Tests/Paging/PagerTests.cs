using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Datum.Providers.Sdk.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests;

internal sealed class PagerTests
{
    private readonly StandingClock _time = new();

    /// <summary>A platform with numbered items that pages in one way.</summary>
    private static StubHandler Platform(string style, int items, int size) => new(m =>
    {
        var query = m.RequestUri!.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .ToDictionary(p => p.Split('=')[0], p => Uri.UnescapeDataString(p.Split('=')[1]));
        Assert.That(m.RequestUri.AbsolutePath, Is.EqualTo("/base/v1/servers"));
        Assert.That(query["filter"], Is.EqualTo("a b"), "the filter stays on every page");
        var start = style switch
        {
            "offset" => int.Parse(query["offset"], CultureInfo.InvariantCulture),
            "page" => (int.Parse(query["page"], CultureInfo.InvariantCulture) - 1) * size,
            _ => query.TryGetValue("at", out var at) ? int.Parse(at.TrimStart('='), CultureInfo.InvariantCulture) : 0,
        };
        var page = Enumerable.Range(start, Math.Clamp(items - start, 0, size)).ToList();
        var next = start + size < items ? start + size : (int?)null;
        var list = string.Join(',', page);
        return style switch
        {
            "token" => StubHandler.Answer(200, next is null ? $$"""{"items":[{{list}}]}""" : $$"""{"items":[{{list}}],"nextPageToken":"=={{next}}"}"""),
            "header" => StubHandler.Answer(200, $$"""{"items":[{{list}}]}""", ("Link", next is null ? "</x>; rel=prev" : $"<http://cloud.test/base/v1/servers?filter=a%20b&at={next}>; title=\"a, b\"; rel=\"next last\"")),
            "json" => StubHandler.Answer(200, $$$"""{"items":[{{{list}}}],"links":{"next":{{{(next is null ? "null" : $"\"/base/v1/servers?filter=a%20b&at={next}\"")}}}}}"""),
            "offset" => StubHandler.Answer(200, $$"""{"items":[{{list}}],"count":{{items}}}"""),
            _ => StubHandler.Answer(200, $$"""{"items":[{{list}}]}"""),
        };
    });

    private static PageStyle Style(string style, int size) => style switch
    {
        "token" => PageStyle.Token("at", "nextPageToken"),
        "header" => PageStyle.LinkHeader(),
        "json" => PageStyle.JsonLink("links", "next"),
        "offset" => PageStyle.Offset("offset", "limit", size, PageStyle.CountOf("items"), PageStyle.NumberAt("count")),
        _ => PageStyle.Number("page", "per_page", size, PageStyle.CountOf("items")),
    };

    private static readonly RestRequest First = RestRequest.Get(RestRequest.WithQuery("v1/servers", new KeyValuePair<string, string?>("filter", "a b")));

    private static IEnumerable<int> Items(RestResult page)
    {
        using var json = JsonDocument.Parse(page.Body);
        return [.. json.RootElement.GetProperty("items").EnumerateArray().Select(i => i.GetInt32())];
    }

    [TestCase("token")]
    [TestCase("header")]
    [TestCase("json")]
    [TestCase("offset")]
    [TestCase("page")]
    public void Every_item_comes_once_whoever_goes_on_from_a_cursor(string style)
    {
        Prop.ForAll(Gen.Choose(0, 40).Zip(Gen.Choose(1, 10)).ToArbitrary(), pair =>
        {
            var (items, size) = pair;
            var seen = new List<int>();
            string? cursor = null;
            do
            {
                // Nothing but the cursor is carried over: another host with another client goes on.
                using var handler = Platform(style, items, size);
                using var client = Make.Client(handler, _time);
                var pager = new Pager(Style(style, size), "account", "servers");
                var page = pager.GetAsync(client, Make.Call(_time), First, cursor).AsTask().GetAwaiter().GetResult();
                Assert.That(page.Error, Is.Null, page.Error?.Message);
                seen.AddRange(Items(page.Answer));
                cursor = page.Next;
            }
            while (cursor is not null);
            Assert.That(seen, Is.EqualTo(Enumerable.Range(0, items)));

            using var whole = Platform(style, items, size);
            using var one = Make.Client(whole, _time);
            var all = new Pager(Style(style, size), "account", "servers").AllAsync(one, Make.Call(_time), First).AsTask().GetAwaiter().GetResult();
            Assert.That(all.Value!.Pages.SelectMany(Items), Is.EqualTo(Enumerable.Range(0, items)));
        }).QuickCheckThrowOnFailure();
    }

    [Test]
    public async Task A_cursor_of_another_listing_is_refused_and_nothing_is_sent([Values("token", "header", "json", "offset", "page")] string style)
    {
        using var handler = Platform(style, 30, 10);
        using var client = Make.Client(handler, _time);
        var cursor = (await new Pager(Style(style, 10), "account", "servers").GetAsync(client, Make.Call(_time), First)).Next!;
        var foreign = new List<(Pager Pager, string Cursor)>
        {
            (new Pager(Style(style, 10), "other", "servers"), cursor),
            (new Pager(Style(style, 10), "accounts", "ervers"), cursor),
            (new Pager(Style(style == "token" ? "json" : "token", 10), "account", "servers"), cursor),
            (new Pager(Style(style, 10), "account", "servers"), "p2" + cursor[2..]),
            (new Pager(Style(style, 10), "account", "servers"), cursor[..cursor.LastIndexOf('.')] + ".!!"),
            (new Pager(Style(style, 10), "account", "servers"), cursor[..cursor.LastIndexOf('.')] + "."),
            (new Pager(Style(style, 10), "account", "servers"), ""),
            (new Pager(Style(style, 10), "account", "servers"), new string('x', 100_000)),
        };
        var sent = handler.Sent.Count;
        foreach (var (pager, text) in foreign)
        {
            var page = await pager.GetAsync(client, Make.Call(_time), First, text);
            Assert.That((page.Error?.Code, page.Error?.Effect, page.Next), Is.EqualTo(((ErrorCode?)ErrorCode.PreconditionFailed, (Effect?)Effect.NotApplied, (string?)null)), text);
        }

        Assert.That(handler.Sent, Has.Count.EqualTo(sent));
    }

    [TestCase("http://evil.test/base/v1/servers?at=10")]
    [TestCase("//evil.test/x")]
    [TestCase("ftp://cloud.test/x")]
    public async Task A_next_page_at_another_server_is_an_error(string link)
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(200, $$"""{"next":"{{link}}"}"""));
        using var client = Make.Client(handler, _time);
        var page = await new Pager(PageStyle.JsonLink("next")).GetAsync(client, Make.Call(_time), First);
        Assert.That((page.Error!.Code, page.Next), Is.EqualTo((ErrorCode.Failed, (string?)null)));
        Assert.That(page.Error.Message, Does.Contain("another server"));
    }

    [Test]
    public async Task A_forged_link_in_a_cursor_stays_at_the_server()
    {
        using var handler = new StubHandler(_ => StubHandler.Answer(200, """{"next":"/b"}"""));
        using var client = Make.Client(handler, _time);
        var pager = new Pager(PageStyle.JsonLink("next"), "s");
        var cursor = (await pager.GetAsync(client, Make.Call(_time), First)).Next!;
        foreach (var position in (string[])["//evil.test/x", "http://evil.test/", "@evil.test/", "/\\evil.test"])
        {
            var forged = cursor[..(cursor.LastIndexOf('.') + 1)] + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(position));
            Assert.That((await pager.GetAsync(client, Make.Call(_time), First, forged)).Error!.Code, Is.EqualTo(ErrorCode.PreconditionFailed));
        }

        Assert.That(handler.Sent, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_listing_that_stands_still_or_goes_in_a_circle_ends_with_an_error()
    {
        using var still = new StubHandler(_ => StubHandler.Answer(200, """{"t":"a"}"""));
        using var circle = new StubHandler(m => StubHandler.Answer(200, m.RequestUri!.Query.EndsWith("=a", StringComparison.Ordinal) ? """{"t":"b"}""" : """{"t":"a"}"""));
        using var endless = new StubHandler(m => StubHandler.Answer(200, $$"""{"t":"{{m.RequestUri!.Query.Length}}{{m.RequestUri.Query.Split('=')[^1]}}"}"""));
        async Task<DriverError> AllAsync(StubHandler handler)
        {
            using var client = Make.Client(handler, _time);
            return (await new Pager(PageStyle.Token("t", "t")) { MaxPages = 20 }.AllAsync(client, Make.Call(_time), RestRequest.Get("x"))).Error!;
        }

        Assert.That((await AllAsync(still)).Message, Does.Contain("doesn't move"));
        Assert.That((await AllAsync(circle)).Message, Does.Contain("circle"));
        Assert.That((await AllAsync(endless)).Message, Does.Contain("more than 20 pages"));
        Assert.That((still.Sent.Count, circle.Sent.Count, endless.Sent.Count), Is.EqualTo((2, 3, 20)));

        using var one = Make.Client(circle, _time);
        var pager = new Pager(PageStyle.Token("t", "t")) { MaxPages = 20 };
        string? cursor = null;
        var pages = 0;
        DriverError? error;
        do
        {
            var page = await pager.GetAsync(one, Make.Call(_time), RestRequest.Get("x"), cursor);
            (cursor, error) = (page.Next, page.Error);
            pages++;
        }
        while (cursor is not null);
        Assert.That((pages, error!.Code), Is.EqualTo((20, ErrorCode.Failed)), "page by page a circle ends too, since the cursor counts");
    }

    [Test]
    public async Task A_search_over_an_incomplete_page_is_an_error_not_absence()
    {
        using var handler = new StubHandler(m => StubHandler.Answer(200, m.RequestUri!.Query.Length == 0 ? """{"t":"a","warning":false}""" : """{"warning":true}"""));
        using var client = Make.Client(handler, _time);
        var all = await new Pager(PageStyle.Token("t", "t")).AllAsync(client, Make.Call(_time), RestRequest.Get("x"), r => JsonText.Find(r.Body, "warning") != "true");
        Assert.That((all.Value, all.Error!.Code, all.Error.Effect), Is.EqualTo(((PageSet?)null, ErrorCode.Unavailable, Effect.NotApplied)));
    }

    [TestCase(410, ErrorCode.PreconditionFailed)]
    [TestCase(403, ErrorCode.Forbidden)]
    [TestCase(500, ErrorCode.Unavailable)]
    public async Task A_page_that_fails_says_why(int status, ErrorCode code)
    {
        using var handler = new StubHandler(m => m.RequestUri!.Query.Length == 0 ? StubHandler.Answer(200, """{"t":"a"}""") : StubHandler.Answer(status));
        using var client = Make.Client(handler, _time);
        var pager = new Pager(PageStyle.Token("t", "t"));
        var first = await pager.GetAsync(client, Make.Call(_time), RestRequest.Get("x"));
        var second = await pager.GetAsync(client, Make.Call(_time), RestRequest.Get("x"), first.Next);
        var all = await pager.AllAsync(client, Make.Call(_time), RestRequest.Get("x"));
        Assert.That((second.Error!.Code, all.Error!.Code), Is.EqualTo((code, code)));
    }

    [Test]
    public async Task An_answer_that_is_no_JSON_or_lacks_the_list_is_no_last_page()
    {
        using var handler = new StubHandler(m => StubHandler.Answer(200, m.RequestUri!.AbsolutePath.EndsWith("html", StringComparison.Ordinal) ? "<html>" : "{}"));
        using var client = Make.Client(handler, _time);
        var html = await new Pager(PageStyle.JsonLink("next")).GetAsync(client, Make.Call(_time), RestRequest.Get("html"));
        var lacks = await new Pager(Style("page", 10)).GetAsync(client, Make.Call(_time), RestRequest.Get("x"));
        Assert.That((html.Error!.Code, lacks.Error!.Code), Is.EqualTo((ErrorCode.Failed, ErrorCode.Failed)));
        Assert.That(lacks.Error.Message, Does.Contain("no list at items"));
    }

    [TestCase("<https://a/b>; rel=next", "https://a/b")]
    [TestCase("<a>; rel=\"prev\", <b>; rel=\"next\"", "b")]
    [TestCase("<a,b;c>; title=\"x; rel=next\"; rel=last, <d>;REL=Next", "d")]
    [TestCase("<a>; title=\"a \\\" , <x>; rel=next\"; rel=last", null)]
    [TestCase("<a>; rel=\"first next\"", "a")]
    [TestCase("<a>; rel=nextish", null)]
    [TestCase("<a", null)]
    [TestCase("", null)]
    [TestCase(null, null)]
    public void The_link_header_is_read_as_RFC_8288_says(string? header, string? target) => Assert.That(LinkHeaders.Find(header, "next"), Is.EqualTo(target));
}
