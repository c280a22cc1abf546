"""The texts' plugin, payment and notification modules, and the overview's product, ported line by line in the vendor's spelling."""

SERVER_MONITORING = '''
import json
import socket
import time

from puqpanel.sdk import DB, Plugin, Schema, Task, now


class ServerMonitoring(Plugin):
    def activate(self):
        try:
            def checks(table):
                table.id()
                table.string('name')
                table.string('type')  # ping, http, port
                table.string('target')  # IP/URL to monitor
                table.json('config')  # Check-specific config
                table.integer('interval').default(60)  # seconds
                table.boolean('active').default(True)
                table.timestamps()

            def results(table):
                table.id()
                table.foreignId('check_id').constrained('monitoring_checks')
                table.boolean('status')  # up/down
                table.integer('response_time').nullable()  # milliseconds
                table.string('error_message').nullable()
                table.timestamp('checked_at')
                table.timestamps()

                table.index(['check_id', 'checked_at'])

            Schema.create('monitoring_checks', checks)
            Schema.create('monitoring_results', results)
            if not DB.table('monitoring_checks').exists():
                DB.table('monitoring_checks').insert({'name': 'Panel', 'type': 'port', 'target': '127.0.0.1', 'config': json.dumps({'port': self.config('port')})})
                DB.table('monitoring_checks').insert({'name': 'Off', 'type': 'odd', 'target': '127.0.0.1', 'config': {}, 'active': False})

            # Schedule monitoring job
            self.scheduleMonitoringJob()

            self.logInfo('activate', 'Monitoring plugin activated successfully')

            return 'success'
        except Exception as e:
            return 'Error: ' + str(e)

    def adminSidebar(self):
        return [{'title': 'Monitoring', 'link': 'dashboard', 'active_links': ['dashboard', 'checks'], 'permission': 'monitoring-dashboard'}]

    def adminWebRoutes(self):
        return [
            {
                'method': 'get',
                'uri': 'dashboard',
                'permission': 'monitoring-dashboard',
                'name': 'dashboard',
                'controller': 'ServerMonitoringController@dashboard',
            },
            {
                'method': 'get',
                'uri': 'checks',
                'permission': 'monitoring-checks',
                'name': 'checks',
                'controller': 'ServerMonitoringController@checks',
            },
        ]

    def scheduleMonitoringJob(self):
        # Add recurring monitoring task
        data = {
            'module': self,
            'method': 'runChecks',
            'tries': 2,
            'backoff': 60,
            'timeout': 300,
            'maxExceptions': 1,
        }

        Task.add('ModuleJob', 'Module', data, ['monitoring', 'recurring'])

    def runChecks(self):
        checks = DB.table('monitoring_checks') \\
            .where('active', True) \\
            .get()

        for check in checks:
            self.executeCheck(check)

        return {'status': 'success'}

    def executeCheck(self, check):
        startTime = time.time()
        success = False
        errorMessage = None

        try:
            match check.type:
                case 'port':
                    success = self.portCheck(check.target, json.loads(check.config))
        except Exception as e:
            errorMessage = str(e)

        responseTime = round((time.time() - startTime) * 1000)

        DB.table('monitoring_results').insert({
            'check_id': check.id,
            'status': success,
            'response_time': responseTime,
            'error_message': errorMessage,
            'checked_at': now(),
            'created_at': now(),
            'updated_at': now(),
        })

        # Send alerts if needed
        if not success:
            self.logError('alert', check, errorMessage)

    def portCheck(self, target, config):
        socket.create_connection((target, config['port']), 2).close()
        return True
'''
MONITORING_CONTROLLER = '''
from puqpanel.sdk import Cache, DB, Controller, view_admin_module


class ServerMonitoringController(Controller):
    def dashboard(self, request):
        title = 'Monitoring'
        return view_admin_module('Plugin', 'ServerMonitoring', 'admin_area.dashboard', {'title': title}, {'results': DB.table('monitoring_results').get()})

    def checks(self, request):
        return {'success': True, 'data': Cache.remember('checks', 60, lambda: DB.table('monitoring_checks').pluck('name'))}
'''

BANK_TRANSFER = '''
import hashlib
import time

from puqpanel.sdk import DB, Payment, Schema, now, response


class BankTransfer(Payment):
    def activate(self):
        def payments(table):
            table.id()
            table.uuid('invoice_uuid')
            table.decimal('amount', 12, 2)
            table.string('currency', 3)
            table.string('reference').unique()
            table.enum('status', ['awaiting_transfer', 'paid'])
            table.timestamp('expires_at')
            table.timestamps()
        Schema.create('bank_transfer_payments', payments)
        return 'success'

    def getModuleData(self, data={}):
        return {
            'secret_key': data.get('secret_key', ''),
            'webhook_secret': data.get('webhook_secret', ''),
            'sandbox': data.get('sandbox', False),
        }

    def getClientAreaHtml(self, data={}):
        invoice = data['invoice']
        amount = invoice.getDueAmountAttribute()
        currency = invoice.client.currency.code

        # Generate unique reference number
        reference = 'BT' + hashlib.md5((invoice.uuid + str(time.time())).encode()).hexdigest()[0:8].upper()

        # Store payment instruction
        DB.table('bank_transfer_payments').insert({
            'invoice_uuid': invoice.uuid,
            'amount': amount,
            'currency': currency,
            'reference': reference,
            'status': 'awaiting_transfer',
            'expires_at': now().addDays(7),
            'created_at': now(),
        })

        return self.view('client_area', {
            'reference': reference,
            'bank_details': self.getBankDetails(currency),
            'amount': amount,
            'currency': currency,
            'return_url': self.getReturnUrl(),
            'cancel_url': self.getCancelUrl(),
        })

    def getBankDetails(self, currency):
        bankDetails = {
            'USD': {
                'bank_name': 'Example Bank USA',
            },
            'EUR': {
                'bank_name': 'Example Bank Europe',
                'iban': 'DE89370400440532013000',
            },
        }

        return bankDetails.get(currency) or bankDetails['USD']

    def getSettingsPage(self, data={}):
        return self.view('settings', {'config': self.module_data})

    def apiWebhookPost(self, request):
        payload = request.all()
        match payload.get('type', ''):
            case 'payment_intent.succeeded':
                return self.onPaymentSuccess(payload)
            case 'payment_intent.payment_failed':
                return self.onPaymentFailed(payload)
            case _:
                return response('ok', 200)

    def apiWebhookGet(self, request):
        return response('ok', 200)
'''

SLACK = '''
import time

from puqpanel.sdk import Notification, Validator, http, now


class SlackNotification(Notification):
    def __init__(self):
        super().__init__()
        self.client = http.session(timeout=10)

    def getModuleData(self, data={}):
        return {'webhook_url': data.get('webhook_url', '')}

    def send(self, data={}):
        try:
            validator = Validator.make(data, {
                'to': 'required|email',
                'title': 'required|string|max:255',
                'message': 'required|string',
            })
            if validator.fails():
                return {'status': 'error', 'message': validator.errors(), 'code': 422}

            webhookUrl = self.module_data.get('webhook_url', '')

            if not webhookUrl:
                return {'status': 'error', 'message': 'Webhook URL not configured'}

            message = self.buildSlackMessage(data)

            response = self.client.post(webhookUrl, json=message)

            if response.getStatusCode() == 200:
                self.logInfo('send', 'Slack notification sent', data)
                return {'status': 'success'}
            else:
                self.logError('send', 'Slack API error', {
                    'status_code': response.getStatusCode(),
                    'body': response.getBody().getContents()
                })
                return {'status': 'error', 'message': 'Slack API error'}

        except Exception as e:
            self.logError('send', 'Slack notification failed', str(e))
            return {'status': 'error', 'message': str(e)}

    def buildSlackMessage(self, data):
        color = self.getColorForType(data['type'])

        return {
            'attachments': [
                {
                    'color': color,
                    'title': data['title'],
                    'text': data['message'],
                    'fields': [
                        {
                            'title': 'Time',
                            'value': now().toDateTimeString(),
                            'short': True,
                        },
                        {
                            'title': 'Module',
                            'value': data.get('module', 'System'),
                            'short': True,
                        },
                    ],
                    'footer': 'PUQcloud',
                    'ts': time.time(),
                },
            ],
        }

    def getColorForType(self, type):
        return {
            'error': 'danger',
            'warning': 'warning',
            'success': 'good',
        }.get(type, '#36a64f')
'''

MY_NEXTCLOUD = '''
import random

from puqpanel.sdk import Product, Schema, Service, Task, generateStrongPassword, http


class NextcloudAPIClient:
    def __init__(self, config):
        self.client = http.session(config['url'], auth=('admin', 'secret'))

    def createUser(self, data):
        return self.client.post('/ocs/v1.php/cloud/users', data=data)


class MyNextcloudService(Product):
    def __init__(self):
        super().__init__()

    def activate(self):
        try:
            if not Schema.hasTable('module_servers'):
                def servers(table):
                    table.uuid().primary()
                    table.string('name').unique()
                    table.string('host')
                    table.string('username')
                    table.string('password')
                    table.boolean('active').default(True)
                    table.integer('port').default(443)
                    table.timestamps()
                Schema.create('module_servers', servers)
            self.logInfo('activate', 'Module activated successfully')
            return 'success'
        except Exception as e:
            self.logError('activate', 'Activation failed: ' + str(e))
            return 'Error: ' + str(e)

    # Product configuration
    def getProductData(self, data={}):
        self.product_data = {
            'group_uuid': data.get('group_uuid', ''),
            'username_prefix': data.get('username_prefix', 'nc_'),
            'username_suffix': data.get('username_suffix', ''),
            'quota': data.get('quota', '1GB'),
        }
        return self.product_data

    # Service creation (asynchronous)
    def create(self):
        data = {
            'module': self,
            'method': 'createJob',
            'tries': 1,
            'backoff': 60,
            'timeout': 600,
            'maxExceptions': 1,
        }
        tags = ['create']
        service = Service.find(self.service_uuid)
        service.setProvisionStatus('processing')
        Task.add('ModuleJob', 'Module', data, tags)
        return {'status': 'success'}

    # Actual provisioning logic
    def createJob(self):
        try:
            service = Service.find(self.service_uuid)
            # Generate service credentials
            self.service_data['username'] = self.product_data['username_prefix'] + \\
                str(random.randint(100000, 999999)) + \\
                self.product_data['username_suffix']
            self.service_data['password'] = generateStrongPassword(10)
            # Create API client
            apiClient = NextcloudAPIClient({'url': self.config('url')})
            # Provision account via API
            response = apiClient.createUser({
                'userid': self.service_data['username'],
                'password': self.service_data['password'],
            })
            if response['status'] == 'success':
                service.setProvisionStatus('completed')
                self.logInfo('createJob', 'User created successfully')
                return {'status': 'success'}
            else:
                service.setProvisionStatus('failed')
                self.logError('createJob', 'User creation failed', response)
                return {'status': 'error', 'message': response['error']}
        except Exception as e:
            service.setProvisionStatus('failed')
            self.logError('createJob', 'Exception occurred', str(e))
            return {'status': 'error'}
'''
