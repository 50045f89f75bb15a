using System;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Tasks;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;

/// <summary>Calls rpcs by the Connect protocol, which needs no HTTP/2: binary messages in HTTP's POST.</summary>
class Connect
{
    const int EndOfStream = 2;

    readonly HttpClient http;

    public Connect(HttpClient http)
    {
        this.http = http;
    }

    public async Task<T> Call<T>(string rpc, IMessage request) where T : IMessage<T>, new()
    {
        using (var response = await Send(rpc, "application/proto", request.ToByteArray()))
        {
            var body = await response.Content.ReadAsByteArrayAsync();
            if (!response.IsSuccessStatusCode) throw new ConnectException(Parse(body));
            return new MessageParser<T>(() => new T()).ParseFrom(body);
        }
    }

    /// <summary>Calls back with each message of a stream, until there are no more or it says false.</summary>
    public async Task Stream<T>(string rpc, IMessage request, Func<T, Task<bool>> see, TimeSpan? deadline = null)
        where T : IMessage<T>, new()
    {
        var parser = new MessageParser<T>(() => new T());
        using (var response = await Send(rpc, "application/connect+proto", Enveloped(request), deadline))
        using (var frames = await response.Content.ReadAsStreamAsync())
        {
            while (true)
            {
                var head = await Read(frames, 5);
                var body = await Read(frames, head[1] << 24 | head[2] << 16 | head[3] << 8 | head[4]);
                if (head[0] == EndOfStream)
                {
                    if (!Parse(body).Fields.TryGetValue("error", out var error)) return;
                    throw new ConnectException(error.StructValue);
                }
                if (!await see(parser.ParseFrom(body))) return;
            }
        }
    }

    Task<HttpResponseMessage> Send(string rpc, string type, byte[] body, TimeSpan? deadline = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, rpc) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        request.Headers.Add("Connect-Protocol-Version", "1");
        if (deadline is TimeSpan time) request.Headers.Add("Connect-Timeout-Ms", time.TotalMilliseconds.ToString());
        return http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    static byte[] Enveloped(IMessage message)
    {
        var size = BitConverter.GetBytes(message.CalculateSize());
        return new byte[] { 0 }.Concat(size.Reverse()).Concat(message.ToByteArray()).ToArray();
    }

    static async Task<byte[]> Read(Stream stream, int count)
    {
        var bytes = new byte[count];
        for (int done = 0, read; done < count; done += read)
        {
            read = await stream.ReadAsync(bytes, done, count - done);
            if (read == 0) throw new EndOfStreamException();
        }
        return bytes;
    }

    static Struct Parse(byte[] json)
    {
        return Struct.Parser.ParseJson(Encoding.UTF8.GetString(json));
    }
}

/// <summary>An error of an rpc.</summary>
class ConnectException : Exception
{
    readonly Struct error;

    public ConnectException(Struct error) : base(error.Fields["message"].StringValue)
    {
        this.error = error;
    }

    public string Code => error.Fields["code"].StringValue;

    /// <summary>The reason and its metadata; null if it was made on the way here.</summary>
    public ErrorInfo Info
    {
        get
        {
            if (!error.Fields.TryGetValue("details", out var details)) return null;
            return details.ListValue.Values.Select(value => value.StructValue.Fields)
                .Where(detail => detail["type"].StringValue == ErrorInfo.Descriptor.FullName)
                .Select(detail => ErrorInfo.Parser.ParseFrom(FromBase64(detail["value"].StringValue)))
                .FirstOrDefault();
        }
    }

    /// <summary>Connect leaves out what base64 is padded with, and .NET asks for it.</summary>
    static byte[] FromBase64(string text)
    {
        return Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
    }
}
