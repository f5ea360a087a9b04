using System.Net.Http.Headers;
using System.Security.Cryptography;
using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

internal sealed class SigV4Tests
{
    private static readonly AwsCredentials Suite = new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    private static readonly DateTimeOffset SuiteTime = new(2015, 8, 30, 12, 36, 0, TimeSpan.Zero);
    private static readonly AwsCredentials S3 = new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    private static readonly DateTimeOffset S3Time = new(2013, 5, 24, 0, 0, 0, TimeSpan.Zero);

    // AWS's published test suite (aws-sig-v4-test-suite): credentials, time, region and service are the same for all.
    [TestCase("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", TestName = "Suite_get_vanilla")]
    [TestCase("GET", "/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", TestName = "Suite_get_vanilla_query_order_key_case")]
    [TestCase("GET", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85", TestName = "Suite_get_utf8")]
    [TestCase("GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f", TestName = "Suite_get_unreserved")]
    [TestCase("GET", "/example space/", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741", TestName = "Suite_get_space_normalized")]
    [TestCase("GET", "/example/..", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", TestName = "Suite_get_relative_normalized")]
    [TestCase("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", TestName = "Suite_post_vanilla")]
    public void The_published_suite(string method, string path, string signature)
    {
        using var message = new HttpRequestMessage(new HttpMethod(method), new Uri("https://example.amazonaws.com" + path));
        SigV4.Sign(message, SHA256.HashData([]), Suite, new SigV4Options { Region = "us-east-1", Service = "service", DoubleEncodePath = false }, SuiteTime);
        Assert.That(message.Headers.GetValues("Authorization").Single(), Is.EqualTo(
            $"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"));
    }

    [Test]
    public void The_published_form_and_header_cases()
    {
        using var form = new HttpRequestMessage(HttpMethod.Post, "https://example.amazonaws.com/") { Content = new ByteArrayContent("Param1=value1"u8.ToArray()) };
        form.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        SigV4.Sign(form, SHA256.HashData("Param1=value1"u8), Suite, new SigV4Options { Region = "us-east-1", Service = "service" }, SuiteTime);
        using var trim = new HttpRequestMessage(HttpMethod.Get, "https://example.amazonaws.com/");
        trim.Headers.TryAddWithoutValidation("My-Header1", " value1");
        trim.Headers.TryAddWithoutValidation("My-Header2", " \"a   b   c\"");
        SigV4.Sign(trim, SHA256.HashData([]), Suite, new SigV4Options { Region = "us-east-1", Service = "service", SignedHeaders = ["my-header1", "my-header2"] }, SuiteTime);
        Assert.Multiple(() =>
        {
            Assert.That(Signature(form), Is.EqualTo("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
            Assert.That(Signature(trim), Is.EqualTo("acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"));
        });
    }

    [Test]
    public void The_example_of_the_general_reference()
    {
        using var message = new HttpRequestMessage(HttpMethod.Get, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08") { Content = new ByteArrayContent([]) };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
        SigV4.Sign(message, SHA256.HashData([]), Suite, new SigV4Options { Region = "us-east-1", Service = "iam" }, SuiteTime);
        Assert.That(Signature(message), Is.EqualTo("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"));
    }

    [Test]
    public void The_examples_of_the_S3_reference()
    {
        var options = new SigV4Options { Region = "us-east-1", Service = "s3", DoubleEncodePath = false, ContentHashHeader = true, SignedHeaders = ["range"] };
        using var get = new HttpRequestMessage(HttpMethod.Get, "https://examplebucket.s3.amazonaws.com/test.txt");
        get.Headers.Range = new RangeHeaderValue(0, 9);
        SigV4.Sign(get, SHA256.HashData([]), S3, options, S3Time);
        var presigned = SigV4.Presign(HttpMethod.Get, new Uri("https://examplebucket.s3.amazonaws.com/test.txt"), TimeSpan.FromDays(1), S3, options, S3Time);
        Assert.Multiple(() =>
        {
            Assert.That(Signature(get), Is.EqualTo("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
            Assert.That(presigned.AbsoluteUri, Is.EqualTo("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
                + "&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
        });
    }

    [Test]
    public async Task A_clock_that_is_off_is_corrected_by_the_refusal()
    {
        var time = new StandingClock();
        var theirs = time.Now.AddMinutes(-40);
        using var handler = new StubHandler(m =>
        {
            var stamp = m.Headers.GetValues("X-Amz-Date").Single();
            var answer = stamp == theirs.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", null)
                ? StubHandler.Answer(200, "<ok/>")
                : StubHandler.Answer(400, "<Response><Errors><Error><Code>RequestExpired</Code><Message>Request has expired.</Message></Error></Errors></Response>");
            answer.Headers.Date = theirs;
            return answer;
        });
        using var cache = new TokenCache(time, _ => ValueTask.FromResult<AccessToken>(Suite));
        using var client = Ec2(handler, time, cache);
        var first = await client.SendAsync(Make.Call(time), RestRequest.Post("x"));
        var second = await client.SendAsync(Make.Call(time), RestRequest.Post("x"));
        Assert.That((first.Ok, second.Ok, handler.Sent.Count), Is.EqualTo((true, true, 3)));

        theirs = theirs.AddYears(1);
        var broken = await client.SendAsync(Make.Call(time), RestRequest.Post("x"));
        Assert.That((broken.Error!.PlatformCode, handler.Sent.Count), Is.EqualTo(("RequestExpired", 4)), "a year isn't skew");
    }

    [Test]
    public async Task Expired_session_credentials_are_got_again_and_sent_with_their_token()
    {
        var time = new StandingClock();
        var fetched = 0;
        using var handler = new StubHandler(m => m.Headers.GetValues("X-Amz-Security-Token").Single() == "st2"
            ? StubHandler.Answer(200)
            : StubHandler.Answer(400, """{"__type":"x","code":"com.amazon#ExpiredTokenException","message":"The security token st1 is expired"}"""));
        using var cache = new TokenCache(time, _ => { fetched++; return ValueTask.FromResult<AccessToken>(new AwsCredentials("AK", "secret", $"st{fetched}", time.Now.AddHours(1))); });
        using var client = Ec2(handler, time, cache);
        var result = await client.SendAsync(Make.Call(time), RestRequest.Post("x"));
        Assert.That((result.Ok, fetched), Is.EqualTo((true, 2)));
        Assert.That(handler.Sent[0].Headers.GetValues("Authorization").Single(), Does.Contain("SignedHeaders=host;x-amz-date;x-amz-security-token"));
    }

    [Test]
    public async Task Another_400_is_no_refusal_of_the_credentials()
    {
        var time = new StandingClock();
        using var handler = new StubHandler(_ => StubHandler.Answer(400, "<Response><Errors><Error><Code>InvalidSubnet.Range</Code><Message>no</Message></Error></Errors></Response>"));
        using var cache = new TokenCache(time, _ => ValueTask.FromResult<AccessToken>(Suite));
        using var client = Ec2(handler, time, cache);
        var result = await client.SendAsync(Make.Call(time), RestRequest.Post("x"));
        Assert.That((result.Error!.Code, handler.Sent.Count), Is.EqualTo((ErrorCode.Invalid, 1)));
    }

    private static RestClient Ec2(StubHandler handler, TimeProvider time, TokenCache cache) => Make.Client(handler, time, o => o with
    {
        Authorizer = new SigV4Authorizer(cache, new SigV4Options { Region = "us-east-1", Service = "ec2" }, new ServerClock(time)),
        Errors = new ErrorTable { Detail = r => r.Text().StartsWith('<') ? ErrorDetail.ReadXml(r) : ErrorDetail.Read(r) },
    });

    private static string Signature(HttpRequestMessage message) => message.Headers.GetValues("Authorization").Single().Split("Signature=")[1];
}
